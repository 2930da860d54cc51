/**
 * Makes faults happen in a world, and takes them back.
 *
 * Owns how each `WorldFault` is done to devices, network, mediator and store, and counts each when it has acted, which is
 * not always when it begins. Which faults happen is a `Schedule`'s.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import { garbler } from "./GarbledEnvelopes.ts"
import type { HandlerTroubles } from "./HandlerTroubles.ts"
import { misbehave } from "./MisbehavingMediator.ts"
import { ownerOf } from "./Names.ts"
import { once, type Undo } from "./Reasons.ts"
import type { SimulatedDevice } from "./SimulatedDevice.ts"
import { deviceGroupKeyOf, type World } from "./World.ts"
import { detailOf, type MisbehaviourFrame, type WorldFault } from "./WorldFault.ts"

/**
 * What is said of a name that is nobody's.
 *
 * @internal
 */
export const noDevice = (name: string, { devices }: Pick<World, "devices">): string =>
  `there is no device ${JSON.stringify(name)}: the devices are ${[...devices.keys()].join(", ")}`

const nothing: Undo = () => {}

/** Come on no other connection either: whoever waits for one that was lost has to give up by itself. */
const oneTimeFrames: ReadonlySet<MisbehaviourFrame> = new Set([
  "BeginTransactionAck",
  "CommitTransactionAck",
  "TransactionRejected",
  "TransactionEnded",
  "DropDeviceAck",
  "DevicesInfo"
])

/** Lets a handler of a device stand still. */
const stand = (device: SimulatedDevice, troubles: HandlerTroubles, fired: () => void): Undo => {
  const undo = troubles.stalls.add(fired)
  return () => {
    undo()
    troubles.moves(device.machine)
  }
}

/** What a fault does to one device; what it returns takes it back. */
const strikeDevice = (
  world: World,
  device: SimulatedDevice,
  fault: Extract<WorldFault, { readonly device: string }>,
  fired: () => void
): Undo => {
  const { route } = device
  const { chatting, handling } = device
  switch (fault._tag) {
    case "Stall":
      return route.stall(fault.ways, fired)
    case "Delay":
      return route.delay(fault.way, fault.by, fired)
    case "Slow":
      return route.slow(fault.way, fault.bytesPerMilli, fired)
    case "Refuse":
      return route.refuse(fired)
    case "RefuseUpgrade":
      return route.refuseUpgrade({ status: fault.status, retryAfter: fault.retryAfter }, fired)
    case "Reset":
      if (route.reset()) fired()
      return nothing
    case "Vanish":
      if (route.vanish()) fired()
      return nothing
    case "LoseCloseCodes":
      return route.loseCloseCodes(fired)
    case "SlowReader":
      return route.readSlowly(fault.gap, fired)
    case "Crash": {
      // Who is off has nothing to lose, and comes back when it would.
      if (!device.isOn) return nothing
      fired()
      device.crash({
        withoutStorage: fault.withoutStorage ? world.newDisk() : undefined,
        isMediatorTold: fault.isTold
      })
      return () => device.start()
    }
    case "Pause":
      if (device.isOn) fired()
      return device.pause()
    case "ClockJump":
      return device.jump(fault.by, fired)
    case "Twin": {
      const twin = world.addTwin(device)
      twin.route.onConnected = fired
      twin.start()
      return () => twin.stop()
    }
    case "DiskFull":
      return device.disk.full.add(fired)
    case "HandlerFails":
      return handling.troubles[fault.how === "Dies" ? "dies" : "fails"].add(fired)
    case "HandlerStalls":
      return stand(device, handling.troubles, fired)
    case "HandlerSlow":
      return handling.troubles.slows.add(fired, fault.by)
    case "ChatHandlerFails":
      return chatting.troubles[fault.how === "Dies" ? "dies" : "fails"].add(fired)
    case "ChatHandlerStalls":
      return stand(device, chatting.troubles, fired)
    case "ChatHandlerSlow":
      return chatting.troubles.slows.add(fired, fault.by)
    case "Garble": {
      const keys = world.crypto.deriveKeys(deviceGroupKeyOf(device.spec.group))
      return route.garble(garbler(world.crypto, keys, fault.count, world.mischief, fired))
    }
    case "Misbehave": {
      const undo = misbehave(route, fault, world.mischief, fired)
      return () => {
        undo()
        // What was kept back comes again on the next connection, and not before.
        if (fault.frame === undefined || !oneTimeFrames.has(fault.frame)) route.reset()
      }
    }
  }
}

/** What a fault does to the mediator and what is behind it. */
const strikeMediator = (
  world: World,
  fault: Exclude<WorldFault, { readonly device: string }>,
  fired: () => void
): Undo => {
  const { chat, mediator, store } = world
  switch (fault._tag) {
    case "MediatorCrash":
      if (!mediator.isOn) return nothing
      fired()
      mediator.crash(fault.kept, fault.isTold)
      return () => mediator.start()
    case "MediatorRestart": {
      if (!mediator.isOn) return nothing
      fired()
      // It comes back when it has gone and the time is over, whichever is later.
      let left = 2
      const goOn = () => {
        if (--left === 0) mediator.start()
      }
      mediator.stop(goOn)
      return goOn
    }
    case "StoreFails":
      return store.failing.add(fired)
    case "StoreSlow":
      return store.slowness.add(fired, fault.by)
    case "ChatFails":
      return chat.fail(fault.how, fired)
  }
}

/**
 * Makes a fault happen now; throws when it is one of a device that is not there. What is returned ends it, and does nothing the second time; a crash ends with a restart. The
 * world ends it when its faults are over, if nobody has until then.
 *
 * @category combinators
 * @since 0.1.0
 */
export const strike = (world: World, fault: WorldFault): Undo => {
  const device = "device" in fault ? fault.device : undefined
  const tell = (phase: "Begun" | "Fired" | "Ended") =>
    world.witness({ _tag: "Fault", at: world.kernel.now, kind: fault._tag, detail: detailOf(fault), phase, device })
  let hasFired = false
  const fired = () => {
    if (hasFired) return
    hasFired = true
    tell("Fired")
  }
  tell("Begun")
  let undo: Undo
  if ("device" in fault) {
    const struck = world.devices.get(fault.device)
    // A twin comes and goes.
    if (struck === undefined && !world.devices.has(ownerOf(fault.device)))
      throw new Error(noDevice(fault.device, world))
    undo = struck === undefined ? nothing : strikeDevice(world, struck, fault, fired)
  } else undo = strikeMediator(world, fault, fired)
  const end = once(() => {
    world.inForce.delete(end)
    undo()
    tell("Ended")
  })
  world.inForce.add(end)
  return end
}

/**
 * How long a fault lasts, in ms: 0 for one that happens at once.
 *
 * @category getters
 * @since 0.1.0
 */
export const lastingOf = (fault: WorldFault): number => {
  if ("lasts" in fault) return fault.lasts
  return "downFor" in fault ? fault.downFor : 0
}

/** Whether a fault stays in force until the world's faults are over. */
export const staysInForce = (fault: WorldFault): boolean =>
  fault._tag === "ClockJump" || fault._tag === "Misbehave" || fault._tag === "Garble"

/**
 * Makes a fault happen for as long as it lasts, as an effect that ends with it. A clock that jumps, a device that garbles and
 * a mediator that misbehaves do so until the world's faults are over, and the effect ends at once.
 *
 * @category combinators
 * @since 0.1.0
 */
export const strikeFor = (world: World, fault: WorldFault): Effect.Effect<void> =>
  staysInForce(fault)
    ? Effect.sync(() => void strike(world, fault))
    : Effect.acquireUseRelease(
        Effect.sync(() => strike(world, fault)),
        () => Effect.sleep(lastingOf(fault)),
        (undo) => Effect.sync(undo)
      )
