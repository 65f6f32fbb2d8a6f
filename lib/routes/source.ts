import { isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'

/**
 * Whom failed attempts are counted for: an IPv4 address, or the IPv6 network of 64 bits, all of which one subscriber
 * has. What a trusted proxy says and is no address counts as one.
 */
export function sourceOf(ip: string): string {
  if (isIPv4(ip)) return ip
  if (!ipaddr.isValid(ip)) return 'unknown'
  const address = ipaddr.process(ip)
  if (address.kind() === 'ipv4') return address.toString()
  return `${address.toNormalizedString().split(':').slice(0, 4).join(':')}::/64`
}
