/**
 * Who takes part: of which group a device is, and whether it chats.
 *
 * Owns that a device counts which the schedule does not have, because a program has added it to the world: it says what it is
 * when it starts. A twin is its device, unless it has said otherwise.
 *
 * @since 0.1.0
 */
import { ownerOf } from "../Names.ts"
import type { DeviceSpec, Schedule } from "../Schedule.ts"
import type { WorldEvent } from "../WorldEvent.ts"

/** The specs of all devices, by name. */
export class Specs {
  readonly #specs: Map<string, DeviceSpec>

  constructor({ devices }: Schedule) {
    this.#specs = new Map(devices.map((spec) => [spec.name, spec]))
  }

  of(device: string): DeviceSpec | undefined {
    return this.#specs.get(device) ?? this.#specs.get(ownerOf(device))
  }

  /** Takes note of a device that starts. */
  see({ device, spec }: Extract<WorldEvent, { readonly _tag: "Machine" }>): void {
    if (spec !== undefined) this.#specs.set(device, spec)
  }
}
