/**
 * Makes faults happen in a world, and takes them back.
 *
 * Owns how each `Fault` is done to devices, network, mediator and store, and counts each when it has acted, which is not
 * always when it begins. Which faults happen is a `Schedule`'s.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import type { Fault } from "./Fault.ts"
import { misbehave } from "./MisbehavingMediator.ts"
import type { Undo } from "./Network.ts"
import type { SimulatedDevice } from "./SimulatedDevice.ts"
import type { World } from "./World.ts"

const nothing: Undo = () => {}

const counted = (add: (by: 1 | -1) => void): Undo => {
  add(1)
  return () => add(-1)
}

/** What a fault does to one device; what it returns takes it back. */
const strikeDevice = (
  world: World,
  device: SimulatedDevice,
  fault: Extract<Fault, { readonly device: string }>,
  fired: () => void
): Undo => {
  const { route } = device
  const trouble = device.handlerTrouble
  switch (fault._tag) {
    case "Stall":
      if (route.pipes.size > 0) fired()
      return route.stall(...fault.ways)
    case "Delay":
      if (route.pipes.size > 0) fired()
      return route.delay(fault.way, fault.by)
    case "Slow":
      if (route.pipes.size > 0) fired()
      return route.slow(fault.way, fault.bytesPerMilli)
    case "Refuse":
      return route.refuse(fired)
    case "Reset":
      if (route.reset()) fired()
      return nothing
    case "Vanish":
      if (route.vanish()) fired()
      return nothing
    case "LoseCloseCodes":
      return route.loseCloseCodes(fired)
    case "Crash":
      if (device.isOn) fired()
      device.crash({
        withoutStorage: fault.withoutStorage ? world.newDisk() : undefined,
        isMediatorTold: fault.isTold
      })
      return () => device.start()
    case "Pause":
      if (device.isOn) fired()
      device.pause()
      return () => device.resume()
    case "ClockJump":
      fired()
      device.jump(fault.by)
      return () => device.jump(-fault.by)
    case "Twin": {
      const twin = world.addTwin(device)
      fired()
      twin.start()
      return () => twin.stop()
    }
    case "DiskFull": {
      const { disk } = device
      disk.onFailure = fired
      return counted((by) => (disk.full += by))
    }
    case "HandlerFails":
      device.onHandlerTrouble = (kind) => {
        if (kind === fault._tag) fired()
      }
      return counted((by) => (trouble[fault.how === "Dies" ? "dies" : "fails"] += by))
    case "HandlerStalls": {
      device.onHandlerTrouble = (kind) => {
        if (kind === fault._tag) fired()
      }
      const undo = counted((by) => (trouble.stalls += by))
      return () => {
        undo()
        device.handlerMoves()
      }
    }
    case "Misbehave":
      return misbehave(route, fault.how, fault.count, fired)
  }
}

/** What a fault does to the mediator and what is behind it. */
const strikeMediator = (world: World, fault: Exclude<Fault, { readonly device: string }>, fired: () => void): Undo => {
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
      store.onFailure = fired
      return counted((by) => (store.failing += by))
    case "StoreSlow":
      fired()
      return counted((by) => (store.slowness += by * fault.by))
    case "ChatFails":
      chat.onTrouble = fired
      world.network.machine.fork(chat.fail(fault.how))
      return () => {
        chat.trouble = undefined
      }
  }
}

/**
 * Makes a fault happen now. What is returned ends it, and does nothing the second time; a crash ends with a restart.
 *
 * @category combinators
 * @since 0.1.0
 */
export const strike = (world: World, fault: Fault): Undo => {
  const device = "device" in fault ? fault.device : undefined
  const tell = (phase: "Begun" | "Fired" | "Ended") =>
    world.witness({ _tag: "Fault", at: world.kernel.now, kind: fault._tag, phase, device })
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
    // A schedule that was shrunk may speak of a device that is not there any more.
    undo = struck === undefined ? nothing : strikeDevice(world, struck, fault, fired)
  } else undo = strikeMediator(world, fault, fired)
  let isOver = false
  return () => {
    if (isOver) return
    isOver = true
    undo()
    tell("Ended")
  }
}

/**
 * How long a fault lasts, in ms: 0 for one that happens at once.
 *
 * @category getters
 * @since 0.1.0
 */
export const lastingOf = (fault: Fault): number => {
  if ("lasts" in fault) return fault.lasts
  return "downFor" in fault ? fault.downFor : 0
}

/** Whether a fault stays in force until the world lifts it. */
export const staysInForce = (fault: Fault): boolean => fault._tag === "ClockJump" || fault._tag === "Misbehave"

/**
 * Makes a fault happen for as long as it lasts, as an effect that ends with it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const strikeFor = (world: World, fault: Fault): Effect.Effect<void> =>
  Effect.acquireUseRelease(
    Effect.sync(() => strike(world, fault)),
    () => Effect.sleep(lastingOf(fault)),
    (undo) => Effect.sync(undo)
  )
