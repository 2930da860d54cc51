/**
 * What an oracle keeps of each device.
 *
 * Owns that there is a track as soon as somebody asks for it, and a fresh one for each life. What is in it is the oracle's.
 *
 * @since 0.1.0
 */

/** The tracks of devices, by name. */
export class Tracks<Track> {
  readonly #fresh: () => Track
  readonly #tracks = new Map<string, Track>()

  constructor(fresh: () => Track) {
    this.#fresh = fresh
  }

  of(device: string): Track {
    return this.#tracks.get(device) ?? this.renew(device)
  }

  /** Begins again, for a device that has started. */
  renew(device: string): Track {
    const track = this.#fresh()
    this.#tracks.set(device, track)
    return track
  }

  get entries(): Iterable<readonly [string, Track]> {
    return this.#tracks
  }
}
