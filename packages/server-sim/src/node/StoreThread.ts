/**
 * The thread that owns the database: a commit may take as long as the disk does, and nobody's frames wait meanwhile.
 *
 * Owns the order of requests, and that all writes that have come up are one transaction: a sync of the disk is shared by as many
 * as there are. Loads neither Effect nor the protocol, so that it starts quickly.
 *
 * @since 0.1.0
 */
import type { DeviceId } from "@d2m/codec"
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads"
import type { Position } from "../PositionQueue.ts"
import type { GroupKey, GroupSnapshot } from "../StoreCommand.ts"
import { packMessages, type StoreBatch } from "./StoreBatch.ts"
import { failureOf, type StoreFailure } from "./StoreFailure.ts"
import { openStoreFile, type StoreFile } from "./StoreFile.ts"

/** What the thread is started with. */
export interface StoreThreadData {
  readonly directory: string
}

/** What the thread can be asked, with the answer to it. The first request is `open`. */
export interface StoreQuestions {
  readonly open: { readonly ask: undefined; readonly answer: undefined }
  readonly load: { readonly ask: GroupKey; readonly answer: GroupSnapshot | undefined }
  readonly read: {
    readonly ask: {
      readonly groupKey: GroupKey
      readonly deviceId: DeviceId
      readonly positions: ReadonlyArray<Position>
    }
    /** Packed messages. */
    readonly answer: Uint8Array<ArrayBuffer>
  }
  readonly apply: { readonly ask: ReadonlyArray<StoreBatch>; readonly answer: undefined }
  readonly groupsWithPolicy: { readonly ask: number; readonly answer: ReadonlyArray<GroupKey> }
  readonly pragma: { readonly ask: string; readonly answer: unknown }
  /** The thread ends after it. */
  readonly close: { readonly ask: undefined; readonly answer: undefined }
}

/** A question, numbered by who asks. */
export type StoreRequest = {
  readonly [Name in keyof StoreQuestions]: {
    readonly id: number
    /** How many failures of writes were known when it was asked. */
    readonly knownFailures: number
    readonly question: Name
    readonly ask: StoreQuestions[Name]["ask"]
  }
}[keyof StoreQuestions]

/** The answer to the request of this number, or all writes that one commit has made durable. */
export type StoreReply =
  | { readonly id: number; readonly answer: unknown }
  | { readonly written: ReadonlyArray<number> }
  | {
      readonly id: number
      readonly failure: StoreFailure
      /** How many writes have failed. */
      readonly failures: number
    }

let file: StoreFile | undefined

const opened = (): StoreFile => {
  file ??= openStoreFile((workerData as StoreThreadData).directory)
  return file
}

type Apply = Extract<StoreRequest, { readonly question: "apply" }>

/** Writes that have failed, and the last of them. What was asked for before that was known builds on what is not there. */
let failures = 0
let failed: StoreFailure | undefined

const answer = (request: Exclude<StoreRequest, Apply>): unknown => {
  switch (request.question) {
    case "open":
      return void opened()
    case "load":
      return opened().load(request.ask)
    case "read":
      return packMessages(opened().read(request.ask.groupKey, request.ask.deviceId, request.ask.positions))
    case "groupsWithPolicy":
      return opened().groupsWithPolicy(request.ask)
    case "pragma":
      return opened().pragma(request.ask)
    case "close":
      return file?.close()
  }
}

const say = (said: StoreReply, given: ReadonlyArray<ArrayBuffer> = []): void => parentPort?.postMessage(said, given)

const reply = (request: Exclude<StoreRequest, Apply>): void => {
  const { id } = request
  try {
    const said = answer(request)
    say({ id, answer: said }, said instanceof Uint8Array ? [said.buffer as ArrayBuffer] : [])
  } catch (cause) {
    say({ id, failure: failureOf(cause), failures })
  }
  if (request.question === "close") parentPort?.close()
}

/** All or nothing; how much there may be is bounded by who asks. */
const write = (asked: ReadonlyArray<Apply>): void => {
  const built = asked.filter(({ knownFailures }) => knownFailures === failures)
  for (const { id, knownFailures } of asked) {
    if (knownFailures !== failures) say({ id, failure: failed!, failures })
  }
  if (built.length === 0) return
  try {
    opened().apply(built.flatMap(({ ask }) => ask))
    say({ written: built.map(({ id }) => id) })
  } catch (cause) {
    failures++
    failed = failureOf(cause)
    for (const { id } of built) say({ id, failure: failed, failures })
  }
}

parentPort?.on("message", (first: StoreRequest) => {
  const next = (): StoreRequest | undefined => receiveMessageOnPort(parentPort!)?.message
  for (let request: StoreRequest | undefined = first; request !== undefined;) {
    if (request.question !== "apply") {
      reply(request)
      request = next()
      continue
    }
    const writes: Array<Apply> = []
    for (; request?.question === "apply"; request = next()) writes.push(request)
    write(writes)
  }
})
