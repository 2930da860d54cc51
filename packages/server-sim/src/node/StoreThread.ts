/**
 * The thread that owns the database: a commit may take as long as the disk does, and nobody's frames wait meanwhile.
 *
 * Owns the order of requests, one at a time. Loads neither Effect nor the protocol, so that it starts quickly.
 *
 * @since 0.1.0
 */
import type { DeviceId } from "@d2m/codec"
import { parentPort, workerData } from "node:worker_threads"
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
  readonly apply: { readonly ask: StoreBatch; readonly answer: undefined }
  readonly groupsWithPolicy: { readonly ask: number; readonly answer: ReadonlyArray<GroupKey> }
  readonly pragma: { readonly ask: string; readonly answer: unknown }
  /** The thread ends after it. */
  readonly close: { readonly ask: undefined; readonly answer: undefined }
}

/** A question, numbered by who asks. */
export type StoreRequest = {
  readonly [Name in keyof StoreQuestions]: {
    readonly id: number
    readonly question: Name
    readonly ask: StoreQuestions[Name]["ask"]
  }
}[keyof StoreQuestions]

/** The answer to the request of this number. */
export type StoreReply =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly failure: StoreFailure }

let file: StoreFile | undefined

const opened = (): StoreFile => {
  file ??= openStoreFile((workerData as StoreThreadData).directory)
  return file
}

const answer = (request: StoreRequest): unknown => {
  switch (request.question) {
    case "open":
      return void opened()
    case "load":
      return opened().load(request.ask)
    case "read":
      return packMessages(opened().read(request.ask.groupKey, request.ask.deviceId, request.ask.positions))
    case "apply":
      return opened().apply(request.ask)
    case "groupsWithPolicy":
      return opened().groupsWithPolicy(request.ask)
    case "pragma":
      return opened().pragma(request.ask)
    case "close":
      return file?.close()
  }
}

const reply = (request: StoreRequest): StoreReply => {
  try {
    return { id: request.id, answer: answer(request) }
  } catch (cause) {
    return { id: request.id, failure: failureOf(cause) }
  }
}

parentPort?.on("message", (request: StoreRequest) => {
  const said = reply(request)
  const given = "answer" in said && said.answer instanceof Uint8Array ? [said.answer.buffer as ArrayBuffer] : []
  parentPort?.postMessage(said, given)
  if (request.question === "close") parentPort?.close()
})
