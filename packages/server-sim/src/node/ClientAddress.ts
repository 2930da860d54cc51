/**
 * Whom a connection comes from, for counting.
 *
 * Owns the form of addresses and what a proxy may say about them. Pure.
 *
 * @since 0.1.0
 */
import { BlockList, isIP } from "node:net"

const mapped = /^::ffff:(?<dotted>\d+\.\d+\.\d+\.\d+)$/i

/** The groups of an IPv6 address; the last two are one where they are written as in IPv4. */
const groupsOf = (address: string): ReadonlyArray<string> => {
  const [head = "", tail] = address.split("::")
  const before = head === "" ? [] : head.split(":")
  if (tail === undefined) return before
  const after = tail === "" ? [] : tail.split(":")
  const length = address.includes(".") ? 7 : 8
  return [...before, ...Array.from({ length: length - before.length - after.length }, () => "0"), ...after]
}

const hex = (group: string): string => Number.parseInt(group, 16).toString(16)

/** The address of `::ffff:7f00:1` and its like in the usual form. */
const unmapped = (groups: ReadonlyArray<string>): string | undefined => {
  const values = groups.map((group) => Number.parseInt(group, 16))
  if (groups.length !== 8 || values[5] !== 0xffff || values.slice(0, 5).some((value) => value !== 0)) return undefined
  const [high = 0, low = 0] = values.slice(6)
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".")
}

/** An address as proxies and sockets write it, without zone, and in IPv4 if it is IPv4 in disguise. */
const plain = (text: string): string => {
  const address = text.replace(/%.*$/, "")
  const dotted = mapped.exec(address)?.groups?.["dotted"]
  if (dotted !== undefined) return dotted
  return isIP(address) === 6 ? (unmapped(groupsOf(address)) ?? address) : address
}

/**
 * What the guards count by: the IPv4 address, also when it is mapped into IPv6; of any other IPv6 address the /64, which
 * is what one customer has. Text that is no address stands for itself.
 */
export const addressKey = (text: string): string => {
  const address = plain(text)
  return isIP(address) === 6 ? `${groupsOf(address).slice(0, 4).map(hex).join(":")}::/64` : address
}

/** Tells clients from the proxies before them. */
export interface Proxies {
  /** Whether what an address says of others is believed. */
  readonly trusts: (address: string) => boolean
  /**
   * The address behind a trusted one: the last in `X-Forwarded-For` that is not a trusted proxy itself. The proxy's own if
   * the header does not tell.
   */
  readonly behind: (address: string, forwardedFor: string | undefined) => string
}

/** Proxies at these addresses and networks. */
export const makeProxies = (networks: ReadonlyArray<string>): Proxies => {
  const list = new BlockList()
  for (const network of networks) {
    const [address = "", prefix] = network.split("/")
    const family = isIP(address) === 6 ? "ipv6" : "ipv4"
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  const trusts = (text: string): boolean => {
    const address = plain(text)
    const family = isIP(address)
    return family !== 0 && list.check(address, family === 6 ? "ipv6" : "ipv4")
  }
  return {
    trusts,
    behind: (address, forwardedFor = "") => {
      for (const hop of forwardedFor.split(",").toReversed()) {
        // Some proxies add a port, and then brackets to an IPv6 address.
        const name = hop
          .trim()
          .replace(/^\[(.*)\](?::\d+)?$/, "$1")
          .replace(/^([\d.]+):\d+$/, "$1")
        if (isIP(name) === 0) return address
        if (!trusts(name)) return name
      }
      return address
    }
  }
}
