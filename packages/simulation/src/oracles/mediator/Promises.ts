/**
 * What the mediator promises.
 *
 * Owns the rules about reflect-ack (decision 11; PROTOCOL D14) and what it and CommitTransactionAck (decision 12) have in
 * common: acks come in the order of the reflects, each once and with the time of the message, and not before what they
 * promise can be durable. That promises are kept is judged in `Streams`.
 *
 * @since 0.1.0
 */
import type { ServerFrame } from "@d2m/codec"
import type { Message, Model, Peer } from "./Model.ts"
import { becomesOwed, checkTime, told, wasStored } from "./Streams.ts"

type Frame<F extends { readonly _tag: string }, Tag extends F["_tag"]> = Extract<F, { readonly _tag: Tag }>

/** The mediator has sent a reflect-ack. */
export const reflectAckSent = (model: Model, peer: Peer, frame: Frame<ServerFrame, "ReflectAck">): void => {
  const message = peer.reflects[peer.nextAck]
  if (message === undefined || message.reflectId !== frame.reflectId) {
    return model.report({
      rule: "reflects are acked in the order in which they came, each once",
      device: peer.device,
      found: `reflect-ack ${frame.reflectId}`,
      expected: message === undefined ? "nothing, as all are acked" : `reflect-ack ${message.reflectId}`
    })
  }
  if (++peer.nextAck >= 256) {
    peer.reflects.splice(0, peer.nextAck)
    peer.nextAck = 0
  }
  checkTime(model, peer, message, frame.timestamp)
  const { lock } = message
  if (lock !== undefined) {
    if (lock.outgrownBy === undefined || message.number < lock.outgrownBy) return
    return model.report({
      rule: "a reflect that a transaction has no room for gets no ack",
      device: peer.device,
      found: `reflect-ack ${frame.reflectId}`,
      expected: "a close with 4010"
    })
  }
  if (model.numbers.storeLatency > 0) checkPromise(model, peer, [message], message.takenAt)
  becomesOwed(model, peer.group, message)
}

/** Messages are promised that came at that time: what others are to get of them must be durable by now. */
export const checkPromise = (model: Model, peer: Peer, messages: ReadonlyArray<Message>, since: number): void => {
  const { storeLatency } = model.numbers
  const taken = Math.floor(model.now) - since
  if (taken >= storeLatency) return
  const message = messages.find((message) => !message.ephemeral)
  if (message === undefined || !wasStored(model, peer.group, message)) return
  model.report({
    rule: "nothing is promised before it is durable",
    device: peer.device,
    found: `${told(model, message, peer.group)}, promised after ${taken} ms`,
    expected: `at least the ${storeLatency} ms that the store takes`
  })
}
