/**
 * The demo's bookkeeping: which messages were promised to whom, and which arrived.
 *
 * Judges by what the devices saw alone. Each acked message is owed to every device that was registered then and has not
 * been dropped since; any two devices must have seen the messages they share in the same order.
 *
 * @since 0.1.0
 */

/** A message's name in the tally: its message id. */
export type MessageKey = string

interface Promised {
  readonly from: string
  readonly owedTo: ReadonlySet<string>
}

/** What one device did and saw. */
export interface TallyRow {
  readonly device: string
  readonly sent: number
  readonly acked: number
  readonly received: number
  readonly owed: number
  readonly missing: number
  readonly inOrder: boolean
  readonly dropped: boolean
}

/** The result: a row a device, and whether everything that was promised arrived in order. */
export interface Verdict {
  readonly rows: ReadonlyArray<TallyRow>
  readonly ok: boolean
}

/** Collects what the devices report. */
export class Tally {
  readonly #registered = new Set<string>()
  readonly #dropped = new Set<string>()
  readonly #devices: Array<string> = []
  readonly #sent = new Map<string, Set<MessageKey>>()
  readonly #promised = new Map<MessageKey, Promised>()
  readonly #received = new Map<string, Set<MessageKey>>()

  /** The mediator gave a device its slot. */
  registered(device: string): void {
    if (!this.#devices.includes(device)) {
      this.#devices.push(device)
      this.#sent.set(device, new Set())
      this.#received.set(device, new Set())
    }
    this.#registered.add(device)
  }

  /** The device's slot is gone, and with it what it was owed. */
  dropped(device: string): void {
    this.#registered.delete(device)
    this.#dropped.add(device)
  }

  /** A device asked for a message to be reflected. */
  sent(device: string, key: MessageKey): void {
    this.#sent.get(device)?.add(key)
  }

  /** The mediator promised a message to all other registered devices. */
  acked(device: string, key: MessageKey): void {
    const owedTo = new Set(this.#registered)
    owedTo.delete(device)
    this.#promised.set(key, { from: device, owedTo })
  }

  /** A device's handler got a message; a repetition counts once. */
  received(device: string, key: MessageKey): void {
    this.#received.get(device)?.add(key)
  }

  /** Whether a device has every message it is owed. */
  complete(device: string): boolean {
    return this.#missing(device) === 0
  }

  #owed(device: string): ReadonlyArray<MessageKey> {
    if (this.#dropped.has(device)) return []
    return [...this.#promised].flatMap(([key, { owedTo }]) => (owedTo.has(device) ? [key] : []))
  }

  #missing(device: string): number {
    const received = this.#received.get(device) ?? new Set()
    return this.#owed(device).filter((key) => !received.has(key)).length
  }

  #inOrder(device: string): boolean {
    const own = [...(this.#received.get(device) ?? [])]
    return this.#devices.every((other) => {
      const positions = new Map([...(this.#received.get(other) ?? [])].map((key, index) => [key, index]))
      const shared = own.flatMap((key) => positions.get(key) ?? [])
      return shared.every((position, index) => index === 0 || shared[index - 1]! < position)
    })
  }

  /** Judges everything reported so far. */
  verdict(): Verdict {
    const rows = this.#devices.map((device): TallyRow => ({
      device,
      sent: this.#sent.get(device)?.size ?? 0,
      acked: [...this.#promised.values()].filter(({ from }) => from === device).length,
      received: this.#received.get(device)?.size ?? 0,
      owed: this.#owed(device).length,
      missing: this.#missing(device),
      inOrder: this.#inOrder(device),
      dropped: this.#dropped.has(device)
    }))
    return { rows, ok: rows.every((row) => row.missing === 0 && row.inOrder && row.acked === row.sent) }
  }
}
