/**
 * A device that remembers what it was promised and what it was given: the oracle of tests that kill a mediator.
 *
 * Owns what devices may rely on, in their own view: nothing promised is lost, a sender's order holds, an id never stands for
 * two messages, a transaction is there as a whole or not at all.
 */
import {
  type Content,
  type Device,
  DeviceObserver,
  DeviceStore,
  linearBackoff,
  makeDevice,
  ReconnectPolicy
} from "@d2m/client"
import { makeDeviceStoreMemory, type ReflectedMessage, Transaction } from "@d2m/client"
import { layerNodeWebSocket } from "@d2m/client/node"
import { Common, Crypto, D2d, DeviceGroupKey, DeviceId, mediatorUrl } from "@d2m/codec"
import { Effect, Exit, Layer, Result, Scope, Stream } from "effect"
import type { SecureRandom } from "effect/crypto"

const groupKey = DeviceGroupKey.make(new Uint8Array(32).fill(11))
const impatient = linearBackoff({ base: "20 millis", cap: "100 millis", maximumFailures: 100_000 })

/** `sender.kind.number.part`, as the body of a message. */
interface Said {
  readonly sender: bigint
  readonly kind: "single" | "part" | "ephemeral"
  readonly number: number
  readonly part: number
}

const text = ({ kind, number, part, sender }: Said): string => `${sender} ${kind} ${number} ${part}`
const padding = " ".repeat(900)

const contentOf = (said: Said): Content => ({
  _tag: "outgoingMessage",
  value: D2d.OutgoingMessage.make({
    messageId: BigInt(said.number),
    type: Common.CspE2eMessageType.TEXT,
    body: new TextEncoder().encode(text(said) + padding)
  })
})

const textOf = (content: Content | undefined): string =>
  content?._tag === "outgoingMessage" ? new TextDecoder().decode(content.value.body).trimEnd() : "not a message"

/** Wakes whoever waits for something to have happened. */
export const makeBell = () => {
  let waiting: Array<() => void> = []
  return {
    ring: (): void => {
      const woken = waiting
      waiting = []
      for (const wake of woken) wake()
    },
    until: (holds: () => boolean): Effect.Effect<void> =>
      Effect.callback<void>((resume) => {
        const look = (): void => {
          if (holds()) resume(Effect.void)
          else waiting.push(look)
        }
        look()
      })
  }
}

export type Bell = ReturnType<typeof makeBell>

/** How a transaction ended, as its device was told. */
type Outcome = "committed" | "no" | "unknown"

export interface Witness {
  readonly id: DeviceId
  readonly switchOn: Effect.Effect<Device["Service"]>
  readonly switchOff: Effect.Effect<void>
  /** Single messages that were promised, by text. */
  readonly promised: Set<string>
  readonly transactions: Map<number, Outcome>
  /** The codes with which its connections were closed, 1006 among them. */
  readonly closes: Array<number>
  /** What the handler was given, in its order. */
  readonly handled: Array<{ readonly reflectedId: number; readonly text: string }>
  /** Reflects one message and waits for its ack. */
  readonly sayOne: Effect.Effect<void>
  /** Reflects messages, some at a time, with an ephemeral now and then, until `isOver`. */
  readonly talk: (isOver: () => boolean) => Effect.Effect<void>
  /** Runs transactions one after the other until `isOver`. */
  readonly transact: (isOver: () => boolean) => Effect.Effect<void>
}

export const partsOfTransaction = 3

/** A device of the group, switched off. Its store outlives being switched off. */
export const makeWitness = Effect.fnUntraced(function* (number: bigint, port: number, bell: Bell) {
  const id = DeviceId.make(number)
  const store = yield* makeDeviceStoreMemory()
  const context = yield* Effect.context<Crypto | SecureRandom.SecureRandom>()
  const { groupId } = (yield* Crypto).deriveKeys(groupKey)
  const url = mediatorUrl(`ws://127.0.0.1:${port}/`, { deviceGroupId: groupId, serverGroup: "7a" })
  const promised = new Set<string>()
  const transactions = new Map<number, Outcome>()
  const closes: Array<number> = []
  const handled: Array<{ readonly reflectedId: number; readonly text: string }> = []
  let power: Scope.Closeable | undefined
  let device: Device["Service"] | undefined
  let lastNumber = 0

  const onReflected = (batch: ReadonlyArray<ReflectedMessage>) =>
    Effect.sync(() => {
      for (const { content, reflectedId } of batch) handled.push({ reflectedId, text: textOf(content) })
      bell.ring()
    })

  const make = makeDevice({
    deviceId: id,
    groupKey,
    identity: "ECHOECHO",
    description: { platform: D2d.DeviceInfoPlatform.DESKTOP, platformDetails: "", appVersion: "", label: `${number}` },
    onReflected
  }).pipe(
    Effect.provide([layerNodeWebSocket({ url }), Layer.succeed(DeviceStore, store)]),
    Effect.provideService(ReconnectPolicy, impatient),
    Effect.provideService(DeviceObserver, {
      onState: () => {},
      onEvent: (event) => {
        if (event._tag !== "Disconnected" || event.because._tag !== "Closed") return
        closes.push(event.because.code)
        // Whoever waits for it may call the device, which an observer must not.
        queueMicrotask(bell.ring)
      }
    }),
    Effect.orDie
  )

  const reflectOne = (target: Device["Service"]) => {
    const said: Said = { sender: id, kind: "single", number: ++lastNumber, part: 0 }
    return Effect.orDie(target.reflect(contentOf(said))).pipe(
      Effect.andThen(
        Effect.sync(() => {
          promised.add(text(said))
          bell.ring()
        })
      )
    )
  }

  const runTransaction = (target: Device["Service"]) => {
    const number = ++lastNumber
    const parts = Array.from({ length: partsOfTransaction }, (_, part) =>
      contentOf({ sender: id, kind: "part", number, part })
    )
    const body = Effect.flatMap(Transaction, (transaction) =>
      Effect.forEach(parts, (part) => transaction.reflect(part), { discard: true })
    )
    return target.transaction({ scope: D2d.TransactionScopeScope.USER_PROFILE_SYNC }, body).pipe(
      Effect.result,
      Effect.andThen((ended) =>
        Effect.sync(() => {
          const lost = Result.isFailure(ended) && ended.failure._tag === "TransactionLost" ? ended.failure : undefined
          if (Result.isFailure(ended) && lost === undefined) throw ended.failure
          transactions.set(number, lost === undefined ? "committed" : lost.committed)
          bell.ring()
        })
      )
    )
  }

  const witness: Witness = {
    id,
    promised,
    transactions,
    closes,
    handled,
    switchOn: Effect.gen(function* () {
      power = yield* Scope.make()
      device = yield* Effect.provideService(Effect.provideContext(make, context), Scope.Scope, power)
      return device
    }),
    switchOff: Effect.suspend(() => (power === undefined ? Effect.void : Scope.close(power, Exit.void))),
    sayOne: Effect.suspend(() => reflectOne(device!)),
    talk: (isOver) =>
      Effect.suspend(() => {
        const target = device!
        // Sixteen at a time, each asked for in the order of its number.
        const line = Effect.suspend(() => {
          const typing = contentOf({ sender: id, kind: "ephemeral", number: lastNumber, part: 0 })
          const one = reflectOne(target)
          return lastNumber % 10 === 0 ? Effect.andThen(Effect.ignore(target.reflectEphemeral(typing)), one) : one
        })
        const lines = Array.from({ length: 16 }, () =>
          Effect.whileLoop({ while: () => !isOver(), body: () => line, step: () => {} })
        )
        return Effect.all(lines, { concurrency: "unbounded", discard: true })
      }),
    transact: (isOver) =>
      Effect.suspend(() => {
        const target = device!
        return Effect.whileLoop({ while: () => !isOver(), body: () => runTransaction(target), step: () => {} })
      })
  }
  return witness
})

const firstTimes = (witness: Witness): ReadonlyArray<string> => [...new Set(witness.handled.map(({ text }) => text))]

/** What is still missing at `witness` of what was promised to `others`. */
export const missingAt = (witness: Witness, others: ReadonlyArray<Witness>): ReadonlyArray<string> => {
  const has = new Set(witness.handled.map(({ text }) => text))
  const expected = others.flatMap(({ id, promised, transactions }) => [
    ...promised,
    ...[...transactions].flatMap(([number, outcome]) =>
      outcome !== "committed"
        ? []
        : Array.from({ length: partsOfTransaction }, (_, part) => text({ sender: id, kind: "part", number, part }))
    )
  ])
  return expected.filter((message) => !has.has(message))
}

/** A device that is live, and another that has a slot and is away: what the one says is stored for the other. */
export const makeTalkerAndAway = Effect.fnUntraced(function* (port: number, bell: Bell) {
  const [talker, away] = [yield* makeWitness(1n, port, bell), yield* makeWitness(2n, port, bell)]
  for (const witness of [away, talker]) {
    const device = yield* witness.switchOn
    yield* device.state.changes.pipe(
      Stream.takeUntil(({ _tag }) => _tag === "Live"),
      Stream.runDrain
    )
    if (witness === away) yield* away.switchOff
  }
  return { talker, away }
})

/** What a device was given that it should not have been given, or not in this order; empty when all is well. */
export const contradictions = (witness: Witness, senders: ReadonlyArray<Witness>): ReadonlyArray<string> => {
  const found: Array<string> = []
  const byId = new Map<number, string>()
  for (const { reflectedId, text } of witness.handled) {
    const before = byId.get(reflectedId)
    if (before !== undefined && before !== text) found.push(`id ${reflectedId} is "${before}" and "${text}"`)
    byId.set(reflectedId, text)
  }
  const order = firstTimes(witness)
  for (const { id, transactions } of senders) {
    const singles = order
      .filter((message) => message.startsWith(`${id} single `))
      .map((message) => Number(message.split(" ")[2]))
    singles.forEach((number, index) => {
      if (index > 0 && singles[index - 1]! > number) found.push(`${id}: ${number} came after ${singles[index - 1]}`)
    })
    for (const [number, outcome] of transactions) {
      const parts = witness.handled.filter(({ text }) => text.startsWith(`${id} part ${number} `))
      const got = parts.map(({ text }) => Number(text.split(" ")[3])).join()
      if (got !== "" && got !== "0,1,2") found.push(`${id}: of transaction ${number} came ${got}`)
      if (got !== "" && outcome === "no") found.push(`${id}: transaction ${number} was lost, and came`)
    }
  }
  return found
}
