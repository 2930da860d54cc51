/**
 * One session of `d2m device`: carries out what is typed on a device, in its order.
 *
 * Owns the meaning of each command, the waiting of scripts, and how a session ends. A script goes on only while everything
 * succeeds, and waits for the connection when it needs one; a person is told at once and may try something else.
 *
 * @since 0.1.0
 */
import type { Content, Device, Resume } from "@d2m/client"
import type { DeviceId } from "@d2m/codec"
import { Effect, Exit, Result, Scope, Semaphore, Stream } from "effect"
import {
  type Awaited,
  type DeviceCommand,
  help,
  type NotACommand,
  parse,
  type TransactionTerms
} from "./DeviceCommand.ts"
import type { LineSource } from "./LineSource.ts"
import { answerText, devicesLine, endText, reasonText, scopeText, stateLine } from "./Observation.ts"
import { begin, type OpenTransaction } from "./OpenTransaction.ts"
import {
  CommandFailed,
  NotConnected,
  OutOfPlace,
  Overdue,
  ScriptError,
  type SessionEnd,
  Unpromised,
  UserNeeded
} from "./SessionEnd.ts"
import { idText, type SessionLine } from "./SessionLine.ts"
import type { Watch } from "./Watch.ts"

/**
 * What a session works with.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionOptions {
  readonly device: Device["Service"]
  readonly deviceId: DeviceId
  readonly watch: Watch
  readonly tell: (line: SessionLine) => void
  readonly source: LineSource
  /** How long any waiting lasts at most, in milliseconds. */
  readonly patience: number
  /** The content that carries a text. */
  readonly contentOf: (text: string) => Effect.Effect<Content>
}

/**
 * How much a session has done.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tally {
  readonly promised: number
  readonly unpromised: number
  readonly received: number
}

/**
 * A session that can be run once; the tally holds at any time.
 *
 * @category models
 * @since 0.1.0
 */
export interface Session {
  readonly run: Effect.Effect<void, SessionEnd>
  readonly tally: () => Tally
}

/** Reflects that wait for their promise at a time; further ones wait for room. */
const window = 256

/** An error that a command fails with, told in words. */
type Complaint = { readonly _tag: string; readonly message: string }

/**
 * A session on this device; nothing is read before it is run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: SessionOptions): Effect.Effect<Session, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { contentOf, device, deviceId, patience, source, tell, watch } = options
    const clock = yield* Effect.clockWith(Effect.succeed)
    const scope = yield* Effect.scope
    const room = yield* Semaphore.make(window)
    let number = 0
    /** Reflects that a promise is owed for; those of a transaction are once it is over. */
    let owed = 0
    let promised = 0
    let unkept = 0
    let awaited = 0
    let lineNumber = 0
    let broken: Complaint | undefined
    let transaction: (OpenTransaction & { readonly life: Scope.Closeable; taken: number }) | undefined

    const allPromised = () => promised + unkept === owed
    const isLive = () => watch.state()?._tag === "Live"
    const isAsking = () => watch.question() !== undefined
    const needed = Effect.suspend(() => {
      const reason = watch.question()!
      return Effect.fail(new UserNeeded({ reason: reason._tag, because: reasonText(reason) }))
    })
    const late = (waitingFor: string): Overdue | NotConnected => {
      if (isLive()) return new Overdue({ waitingFor, millis: patience })
      const state = watch.state()
      return new NotConnected(state?._tag === "Waiting" ? { because: endText(state.because) } : {})
    }

    /** Waits for something that only a connection can bring: not longer than patience, nor past a question. */
    const patiently = <A, E>(waitingFor: string, effect: Effect.Effect<A, E>) =>
      effect.pipe(
        Effect.raceFirst(Effect.andThen(watch.until(isAsking), needed)),
        Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.fail(late(waitingFor)) })
      )
    const connected = Effect.suspend(() =>
      source.interactive || isLive() ? Effect.void : patiently("connection", watch.until(isLive))
    )

    const reflect = Effect.fnUntraced(function* (text: string) {
      const content = yield* contentOf(text)
      const mine = ++number
      if (transaction !== undefined) {
        const { timestamp } = yield* patiently("answer of the mediator", transaction.reflect(content))
        transaction.taken++
        return tell({ _tag: "Provisional", number: mine, time: String(timestamp) })
      }
      yield* patiently("room for another reflect", room.take(1))
      owed++
      const promise = device.reflect(content).pipe(
        Effect.map((timestamp) => {
          promised++
          tell({ _tag: "Promised", number: mine, time: String(timestamp) })
        }),
        Effect.catch((error) =>
          Effect.sync(() => {
            unkept++
            broken = error
          })
        ),
        Effect.ensuring(Effect.andThen(room.release(1), Effect.sync(watch.poke)))
      )
      yield* Effect.forkIn(promise, scope, { startImmediately: true })
    })

    const start = Effect.fnUntraced(function* (terms: TransactionTerms) {
      if (transaction !== undefined) {
        return yield* new OutOfPlace({ reason: "a transaction is open already: commit or abort it first" })
      }
      const life = yield* Scope.fork(scope)
      const ttl = terms.ttl === undefined ? {} : { ttl: terms.ttl * 1000 }
      const beginning = Scope.provide(begin(device, { scope: terms.scope, ...ttl }), life)
      const opened = yield* patiently("lock", beginning).pipe(Effect.onError(() => Scope.close(life, Exit.void)))
      transaction = { ...opened, life, taken: 0 }
      tell({ _tag: "Transaction", phase: "held", scope: scopeText(terms.scope) })
    })

    /** Ends the open transaction, however it comes out. */
    const conclude = <E>(phase: "committed" | "aborted", end: (open: OpenTransaction) => Effect.Effect<void, E>) =>
      Effect.gen(function* () {
        const open = transaction
        if (open === undefined) return yield* new OutOfPlace({ reason: "no transaction is open: begin one first" })
        transaction = undefined
        if (phase === "committed") owed += open.taken
        yield* end(open).pipe(
          Effect.onError(() =>
            Effect.sync(() => {
              unkept += open.taken
            })
          ),
          Effect.ensuring(Scope.close(open.life, Exit.void))
        )
        if (phase === "committed") promised += open.taken
        tell({ _tag: "Transaction", phase, scope: scopeText(open.scope) })
      })
    const commit = conclude("committed", (open) => patiently("answer to the commit", open.commit))
    const abort = conclude("aborted", (open) => open.abort)
    /** Ends a transaction that nobody gave up: what it reflected will not be promised. */
    const undo = Effect.suspend(() => {
      const taken = transaction?.taken ?? 0
      owed += taken
      unkept += taken
      return Effect.ignore(abort)
    })

    const wait = (what: Awaited) => {
      switch (what) {
        case "live":
          return patiently("connection", watch.until(isLive))
        case "user":
          return watch
            .until(() => isAsking())
            .pipe(
              Effect.timeoutOrElse({
                duration: patience,
                orElse: () => Effect.fail(new Overdue({ waitingFor: "question", millis: patience }))
              })
            )
        case "dry":
        case "leader":
          return patiently(
            what === "dry" ? "dry queue" : "promotion to leader",
            watch.until(() => {
              const state = watch.state()
              return state?._tag === "Live" && state[what]
            })
          )
        case "promised":
          return patiently("promise", watch.until(allPromised))
        default:
          awaited += what
          return patiently(
            "further message",
            watch.until(() => watch.received() >= awaited)
          )
      }
    }

    const resume = Effect.fnUntraced(function* (answer: Resume) {
      const state = yield* device.state.get
      const isTaken = state._tag === "NeedsUser" && (yield* device.resume(answer))
      if (!isTaken) return yield* new OutOfPlace({ reason: "the device has no question" })
      yield* watch.untilAnswered(state.reason)
      tell({ _tag: "Resumed", answer: answerText(answer._tag) })
    })

    const carryOut = Effect.fnUntraced(function* (command: Exclude<DeviceCommand, { readonly _tag: "Quit" }>) {
      switch (command._tag) {
        case "Reflect":
          return yield* reflect(command.text)
        case "Ephemeral":
          yield* connected
          yield* device.reflectEphemeral(yield* contentOf(command.text))
          return tell({ _tag: "Sent" })
        case "Transaction":
          yield* start(command)
          yield* Effect.forEach(command.texts, reflect, { discard: true }).pipe(Effect.onError(() => undo))
          return yield* commit
        case "Begin":
          return yield* start(command)
        case "Commit":
          return yield* commit
        case "Abort":
          return yield* abort
        case "Devices":
          yield* connected
          return tell(devicesLine(yield* device.devices, deviceId))
        case "Drop": {
          const target = command.deviceId === "me" ? deviceId : command.deviceId
          yield* connected
          yield* device.drop(target)
          return tell({ _tag: "Dropped", deviceId: idText(target) })
        }
        case "State":
          return tell(stateLine(yield* device.state.get, clock.currentTimeMillisUnsafe()))
        case "Wait":
          return yield* wait(command.awaited)
        case "Resume":
          return yield* resume(command.answer)
        case "Retry":
          if (!(yield* device.retryNow)) return yield* new OutOfPlace({ reason: "the device is not waiting for a try" })
          return tell({ _tag: "Retrying" })
        case "Help":
          return tell({ _tag: "Help", lines: help })
      }
    })

    /** A person goes on after a failure; a script ends with it. */
    const failed = (error: Complaint): Effect.Effect<void, SessionEnd> =>
      Effect.suspend((): Effect.Effect<void, SessionEnd> => {
        tell({ _tag: "Failed", line: lineNumber, error: error._tag, message: error.message })
        if (source.interactive) return Effect.void
        if (error instanceof UserNeeded || error instanceof NotConnected) return Effect.fail(error)
        return Effect.fail(new CommandFailed({ line: lineNumber, reason: error.message }))
      })
    const refused = ({ expected, found, message }: NotACommand): Effect.Effect<void, ScriptError> =>
      Effect.suspend(() => {
        tell({ _tag: "Refused", line: lineNumber, expected, found })
        return source.interactive ? Effect.void : Effect.fail(new ScriptError({ line: lineNumber, reason: message }))
      })
    const noteBroken = Effect.suspend(() => {
      const error = broken
      broken = undefined
      return error === undefined ? Effect.void : failed(error)
    })

    /** Whether the session goes on after a line. */
    const obey = Effect.fnUntraced(function* (line: string): Effect.fn.Return<boolean, SessionEnd> {
      lineNumber++
      const parsed = parse(line)
      if (Result.isFailure(parsed)) yield* refused(parsed.failure)
      else if (parsed.success?._tag === "Quit") return false
      else if (parsed.success !== undefined) yield* Effect.catch(carryOut(parsed.success), failed)
      yield* noteBroken
      return true
    })

    /** What a script reflected before its failure is still owed its promise. */
    const owedFirst = Effect.ignore(patiently("promise", watch.until(allPromised)))

    /** What was typed is over: waits for what is owed, and sees to it that there was a connection at all. */
    const settle = Effect.gen(function* () {
      if (transaction !== undefined) {
        yield* undo
        yield* failed(new OutOfPlace({ reason: "the transaction was not committed and is undone" }))
      }
      yield* patiently(
        "promise",
        watch.until(() => watch.wasLive() && allPromised())
      ).pipe(Effect.catchTag("Overdue", () => Effect.fail(new Unpromised({ count: owed - promised }))))
      yield* noteBroken
      if (unkept > 0) return yield* new Unpromised({ count: unkept })
    })

    return {
      run: source.lines.pipe(
        Stream.mapEffect(obey),
        Stream.takeWhile((goesOn) => goesOn),
        Stream.runDrain,
        Effect.catchTag("PlatformError", (error) =>
          Effect.fail(new ScriptError({ line: lineNumber + 1, reason: error.message }))
        ),
        Effect.tapError(() => Effect.andThen(undo, owedFirst)),
        Effect.andThen(settle)
      ),
      tally: () => ({ promised, unpromised: owed - promised, received: watch.received() })
    }
  })
