/**
 * Who may connect: counts of connections in all and by address, failed handshakes by address, the allow-list.
 *
 * Owns the verdict on a newcomer. Pure: addresses, ids and the time come in; sockets are the server's.
 *
 * @since 0.1.0
 */
import type { GroupId } from "@d2m/codec"
import type { RefusalReason } from "../GuardEvent.ts"
import { groupKeyOf } from "../State.ts"
import { addressKey, makeProxies } from "./ClientAddress.ts"
import type { Guards } from "./Guards.ts"
import { makeBuckets } from "../TokenBucket.ts"

/** Why a newcomer is refused. */
export interface Refusal {
  readonly reason: Extract<
    RefusalReason,
    "TooManyConnections" | "TooManyFromAddress" | "TooManyFailures" | "GroupNotAllowed"
  >
  /** When it is worth another try, in ms, where that is known. */
  readonly retryAfter?: number
}

/** A TCP connection, from its first moment to its last. */
export interface Arrival {
  /** As the socket tells it. */
  readonly remoteAddress: string
  /** What it counts as: the proxy's until an upgrade tells whom it speaks for. */
  address: string
  /** What it was refused for at once; it does not count, and gets nothing but this answer. */
  readonly refusal: Refusal | undefined
}

/** What an upgrade asks for. */
export interface AdmissionRequest {
  readonly groupId: GroupId
  /** The header `X-Forwarded-For`, if there is one. */
  readonly forwardedFor: string | undefined
}

/** Counts and decides. */
export interface Admission {
  /** Somebody is at the door. Nothing: so many are being refused that this one gets no answer. */
  readonly arrive: (remoteAddress: string, now: number) => Arrival | undefined
  /** Somebody asks for an upgrade. Nothing: it may have it. */
  readonly admit: (arrival: Arrival, request: AdmissionRequest, now: number) => Refusal | undefined
  /** A handshake of this address has failed. */
  readonly failed: (address: string, now: number) => void
  /**
   * A newcomer did not get as far as a handshake for what it sent, or did not send in time: no TLS, no HTTP, no upgrade. That
   * is as good as a failed one. Of a proxy it counts for whom it speaks for, if that is known.
   */
  readonly garbled: (arrival: Arrival, forwardedFor: string | undefined, now: number) => void
  /** A connection has ended. */
  readonly leave: (arrival: Arrival) => void
  /** Addresses that are remembered, for whatever reason. */
  readonly size: () => number
}

/** Nobody has come yet. */
export const makeAdmission = (guards: Guards): Admission => {
  const proxies = makeProxies(guards.trustedProxies)
  const failures = makeBuckets(
    { burst: guards.failedHandshakes, perMinute: guards.failedHandshakesPerMinute },
    guards.failingAddresses
  )
  const allowed =
    guards.allowedGroups === "any" ? undefined : new Set(guards.allowedGroups.map((id) => id.toLowerCase()))
  const byAddress = new Map<string, number>()
  const counted = new Set<Arrival>()
  let total = 0
  let refusals = 0

  const countIn = (arrival: Arrival): boolean => {
    const count = byAddress.get(arrival.address) ?? 0
    if (count >= guards.maxConnectionsPerAddress) return false
    byAddress.set(arrival.address, count + 1)
    counted.add(arrival)
    return true
  }

  const countOut = (arrival: Arrival): void => {
    if (!counted.delete(arrival)) return
    const count = byAddress.get(arrival.address)! - 1
    if (count === 0) byAddress.delete(arrival.address)
    else byAddress.set(arrival.address, count)
  }

  const refused = (remoteAddress: string, refusal: Refusal): Arrival | undefined => {
    if (refusals >= guards.maxRefusals) return undefined
    refusals++
    return { remoteAddress, address: addressKey(remoteAddress), refusal }
  }

  const hasFailed = (address: string, now: number): Refusal | undefined => {
    const retryAfter = failures.wait(address, now)
    return retryAfter > 0 ? { reason: "TooManyFailures", retryAfter } : undefined
  }

  return {
    arrive: (remoteAddress, now) => {
      if (total >= guards.maxConnections) return refused(remoteAddress, { reason: "TooManyConnections" })
      const arrival: Arrival = { remoteAddress, address: addressKey(remoteAddress), refusal: undefined }
      // Whom a proxy speaks for is told by its request.
      if (!proxies.trusts(remoteAddress)) {
        const refusal = hasFailed(arrival.address, now)
        if (refusal !== undefined) return refused(remoteAddress, refusal)
        if (!countIn(arrival)) return refused(remoteAddress, { reason: "TooManyFromAddress" })
      }
      total++
      return arrival
    },
    admit: (arrival, { forwardedFor, groupId }, now) => {
      if (arrival.refusal !== undefined) return arrival.refusal
      if (!counted.has(arrival)) {
        arrival.address = addressKey(proxies.behind(arrival.remoteAddress, forwardedFor))
      }
      const refusal = hasFailed(arrival.address, now)
      if (refusal !== undefined) return refusal
      if (allowed !== undefined && !allowed.has(groupKeyOf(groupId))) return { reason: "GroupNotAllowed" }
      return counted.has(arrival) || countIn(arrival) ? undefined : { reason: "TooManyFromAddress" }
    },
    failed: failures.take,
    garbled: ({ address, refusal, remoteAddress }, forwardedFor, now) => {
      if (refusal !== undefined) return
      if (!proxies.trusts(remoteAddress)) failures.take(address, now)
      else if (forwardedFor !== undefined) failures.take(addressKey(proxies.behind(remoteAddress, forwardedFor)), now)
    },
    leave: (arrival) => {
      if (arrival.refusal !== undefined) {
        refusals--
        return
      }
      total--
      countOut(arrival)
    },
    size: () => byAddress.size + failures.size()
  }
}
