/**
 * The requests of one connection that wait for their answers.
 * Owns which answer belongs to which request: the protocol has no numbers for them, only order and device ids.
 * Leaves sending to whoever asks; it is a value that changes in place, with no fiber in it.
 */
import type { DeviceId } from "@d2m/codec"
import type { SessionServerFrame } from "./Session.ts"

type Answer<Tag extends SessionServerFrame["_tag"]> = Extract<SessionServerFrame, { readonly _tag: Tag }>

/**
 * One request that waits. `lost` is called when the connection ends before the answer.
 *
 * @internal
 */
export interface Expected<F> {
  readonly settle: (answer: F) => void
  readonly lost: () => void
  /** Nobody waits; the answer only has to be told from others. */
  readonly unattended?: boolean
}

interface Waiting<F> extends Expected<F> {
  /** On the connection's listening clock. */
  readonly since: number
}

/**
 * An answer to a BeginTransaction.
 *
 * @internal
 */
export type LockAnswer = Answer<"BeginTransactionAck"> | Answer<"TransactionRejected">

type TransactionAnswer = LockAnswer | Answer<"CommitTransactionAck">

/**
 * Every frame that answers a request.
 *
 * @internal
 */
export type RequestAnswer = TransactionAnswer | Answer<"DevicesInfo"> | Answer<"DropDeviceAck">

const enter = <W>(waiting: Array<W>, request: W) => {
  waiting.push(request)
  return () => {
    const at = waiting.indexOf(request)
    if (at >= 0) waiting.splice(at, 1)
  }
}

/** @internal */
export class Requests {
  private readonly devices: Array<Waiting<Answer<"DevicesInfo">>> = []
  private readonly drops: Array<Waiting<Answer<"DropDeviceAck">> & { readonly deviceId: DeviceId }> = []
  private readonly transactions: Array<
    | { readonly kind: "Begin"; readonly waiting: Waiting<LockAnswer> }
    | { readonly kind: "Commit"; readonly waiting: Waiting<Answer<"CommitTransactionAck">> }
  > = []
  private readonly time: () => number

  constructor(listeningTime: () => number) {
    this.time = listeningTime
  }

  /** Since when the request waits that has waited longest, or `undefined`. */
  get oldestSince(): number | undefined {
    const heads = [this.devices[0]?.since, this.drops[0]?.since, this.transactions[0]?.waiting.since]
    return heads.reduce((oldest, since) => (oldest === undefined || since! < oldest ? since : oldest), undefined)
  }

  /** Whether somebody waits for an answer; nobody does for that of a keep-alive. */
  get isAwaited(): boolean {
    return (
      this.devices.some(({ unattended }) => unattended !== true) ||
      this.drops.length > 0 ||
      this.transactions.length > 0
    )
  }

  /** Gives the way to take it back, for a request that could not be written. */
  expectDevices(expected: Expected<Answer<"DevicesInfo">>): () => void {
    return enter(this.devices, { ...expected, since: this.time() })
  }

  /** Gives the way to take it back, for a request that could not be written. */
  expectDrop(deviceId: DeviceId, expected: Expected<Answer<"DropDeviceAck">>): () => void {
    return enter(this.drops, { ...expected, deviceId, since: this.time() })
  }

  expectLock(expected: Expected<LockAnswer>): void {
    this.transactions.push({ kind: "Begin", waiting: { ...expected, since: this.time() } })
  }

  expectCommit(expected: Expected<Answer<"CommitTransactionAck">>): void {
    this.transactions.push({ kind: "Commit", waiting: { ...expected, since: this.time() } })
  }

  /** Hands an answer to its request; `false` when there is none. */
  settle(answer: RequestAnswer): boolean {
    switch (answer._tag) {
      case "DevicesInfo": {
        const request = this.devices.shift()
        request?.settle(answer)
        return request !== undefined
      }
      case "DropDeviceAck": {
        const at = this.drops.findIndex((drop) => drop.deviceId === answer.deviceId)
        if (at < 0) return false
        this.drops.splice(at, 1)[0]!.settle(answer)
        return true
      }
      case "CommitTransactionAck": {
        const request = this.transactions[0]
        if (request?.kind !== "Commit") return false
        this.transactions.shift()
        request.waiting.settle(answer)
        return true
      }
      case "BeginTransactionAck":
      case "TransactionRejected": {
        const request = this.transactions[0]
        if (request?.kind !== "Begin") return false
        this.transactions.shift()
        request.waiting.settle(answer)
        return true
      }
    }
  }

  /** The connection has ended: tells every request. */
  cut(): void {
    for (const request of this.devices.splice(0)) request.lost()
    for (const request of this.drops.splice(0)) request.lost()
    for (const request of this.transactions.splice(0)) request.waiting.lost()
  }
}
