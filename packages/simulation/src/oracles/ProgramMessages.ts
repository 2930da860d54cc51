/**
 * What a program has reflected: which messages it was promised, and of which it was told that nobody will see them.
 *
 * Owns by what they are known, as they have no numbers: what they are on the wire, who has reflected them, and the time that was
 * promised, which receivers get too. Where the same content may have come to the mediator at the same time once more, it may be
 * that which is seen. Whether somebody has seen what was promised is judged by `Delivery`.
 *
 * @since 0.1.0
 */
import type { Content, ReflectedMessage } from "@d2m/client"
import { ownerOf } from "../Names.ts"
import type { WorldEvent } from "../WorldEvent.ts"
import { contentPrint } from "./Contents.ts"
import { isNotCommitted } from "./device/ProgramPromises.ts"

/** What became of what a program has asked for. */
interface Outcome {
  /** Whether it was promised, or refused for certain. */
  readonly isPromised: boolean
  readonly ids: ReadonlyArray<string>
  readonly askedAt: number
}

/** A content that was taken in a transaction, for as long as that is not committed only provisionally. */
interface Provisional {
  readonly id: string
  readonly print: number
  readonly askedAt: number
}

/** A transaction that has no answer: what it was promised, and all that it has asked for. */
interface Open {
  readonly taken: Array<Provisional>
  readonly prints: Array<number>
}

/**
 * Of one content of one device: how often it is being reflected, and until when it may have come. What a crash has left without
 * an answer is being reflected for ever.
 */
interface Use {
  open: number
  until: number
}

const idOf = ({ _tag }: Content, print: number, sender: bigint, timestamp: number): string =>
  `${_tag} ${print.toString(36)} of device ${sender} at ${timestamp}`

type Asked = Extract<WorldEvent, { readonly _tag: "ProgramAsked" }>
type Answered = Extract<WorldEvent, { readonly _tag: "ProgramAnswered" }>

/** The messages of the program of one run. */
export class ProgramMessages {
  readonly #askedAt = new Map<number, number>()
  readonly #deviceIds = new Map<string, bigint>()
  readonly #open = new Map<number, Open>()
  readonly #uses = new Map<string, Map<number, Use>>()
  /** Of contents that were handed over, which an application may have altered since. */
  readonly #prints = new WeakMap<Content, number | undefined>()

  /** The id that a device has said to be. */
  named(device: string, deviceId: bigint): void {
    this.#deviceIds.set(ownerOf(device), deviceId)
  }

  /** The devices with an id: those of several groups may have the same. */
  devicesOf(deviceId: bigint): ReadonlyArray<string> {
    return [...this.#deviceIds].flatMap(([name, id]) => (id === deviceId ? [name] : []))
  }

  /** What a message is known by that a handler is given. */
  idOf({ content, sender, timestamp }: ReflectedMessage): string | undefined {
    if (content === undefined) return undefined
    if (!this.#prints.has(content)) this.#prints.set(content, contentPrint(content))
    const print = this.#prints.get(content)
    return print === undefined ? undefined : idOf(content, print, sender, Number(timestamp))
  }

  asked({ ask, at, call, device }: Asked): void {
    switch (ask._tag) {
      case "Reflect":
        for (const print of ask.contents.map(contentPrint)) if (print !== undefined) this.#use(device, print).open++
        break
      case "Transaction":
        this.#open.set(call, { taken: [], prints: [] })
        break
      case "TransactionReflect": {
        const open = this.#open.get(ask.call)
        if (open === undefined) return
        for (const print of ask.contents.map(contentPrint)) {
          if (print === undefined) continue
          this.#use(device, print).open++
          open.prints.push(print)
        }
        break
      }
      default:
        return
    }
    this.#askedAt.set(call, at)
  }

  answered({ answer, ask, at, call, device }: Answered): Outcome | undefined {
    const askedAt = this.#askedAt.get(call)
    this.#askedAt.delete(call)
    if (askedAt === undefined) return undefined
    const isDone = answer._tag === "Done"
    // What was given up may come to the mediator at any time.
    const until = isDone ? at : Infinity
    switch (ask._tag) {
      case "Reflect": {
        for (const print of ask.contents.map(contentPrint)) {
          if (print !== undefined) this.#used(device, print, until).open--
        }
        if (!isDone) return undefined
        return {
          isPromised: true,
          ids: this.#taken(device, ask.contents, answer.timestamps).map(({ id }) => id),
          askedAt
        }
      }
      case "TransactionReflect": {
        if (!isDone) return undefined
        for (const { id, print } of this.#taken(device, ask.contents, answer.timestamps)) {
          this.#open.get(ask.call)?.taken.push({ id, print, askedAt })
        }
        return undefined
      }
      case "Transaction": {
        const { prints, taken } = this.#open.get(call)!
        this.#open.delete(call)
        const isRefused = isNotCommitted(answer)
        for (const print of prints) this.#used(device, print, isRefused ? -Infinity : until).open--
        if (isDone) return { isPromised: true, ids: taken.map(({ id }) => id), askedAt }
        if (!isRefused) return undefined
        const certain = taken.filter((one) => this.#isAlone(device, one))
        return { isPromised: false, ids: certain.map(({ id }) => id), askedAt }
      }
      default:
        return undefined
    }
  }

  /** Whether the device cannot have reflected the same at the same ms outside of this transaction. */
  #isAlone(device: string, { askedAt, print }: Provisional): boolean {
    const { open, until } = this.#use(device, print)
    return open === 0 && Math.floor(until) < Math.floor(askedAt)
  }

  #use(device: string, print: number): Use {
    let uses = this.#uses.get(device)
    if (uses === undefined) this.#uses.set(device, (uses = new Map()))
    let use = uses.get(print)
    if (use === undefined) uses.set(print, (use = { open: 0, until: -Infinity }))
    return use
  }

  #used(device: string, print: number, until: number): Use {
    const use = this.#use(device, print)
    use.until = Math.max(use.until, until)
    return use
  }

  #taken(
    device: string,
    contents: ReadonlyArray<Content>,
    timestamps: ReadonlyArray<number>
  ): ReadonlyArray<Omit<Provisional, "askedAt">> {
    const sender = this.#deviceIds.get(ownerOf(device)) ?? 0n
    return contents.flatMap((content, at) => {
      const print = contentPrint(content)
      return print === undefined ? [] : [{ id: idOf(content, print, sender, timestamps[at] ?? 0), print }]
    })
  }
}
