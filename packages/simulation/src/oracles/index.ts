/**
 * The oracles that judge a run unless others are given.
 *
 * @since 0.1.0
 */
import type { OracleMaker } from "../Oracle.ts"
import { chat } from "./Chat.ts"
import { delivery } from "./Delivery.ts"
import { backoff } from "./device/Backoff.ts"
import { bounds } from "./device/Bounds.ts"
import { chatHandling } from "./device/ChatHandling.ts"
import { caughtUp } from "./device/CaughtUp.ts"
import { connectionTruth } from "./device/ConnectionTruth.ts"
import { deviceLists } from "./device/DeviceLists.ts"
import { handedBack } from "./device/HandedBack.ts"
import { outgoing } from "./device/Outgoing.ts"
import { patience } from "./device/Patience.ts"
import { preconditions } from "./device/Preconditions.ts"
import { programPromises } from "./device/ProgramPromises.ts"
import { questions } from "./device/Questions.ts"
import { reading } from "./device/Reading.ts"
import { reconnecting } from "./device/Reconnecting.ts"
import { reflectedHandling } from "./device/ReflectedHandling.ts"
import { sharedData } from "./device/SharedData.ts"
import { mediator } from "./mediator/MediatorModel.ts"

/**
 * All oracles of the protocol.
 *
 * @category oracles
 * @since 0.1.0
 */
export const standardOracles: ReadonlyArray<OracleMaker> = [
  mediator,
  delivery,
  chat,
  outgoing,
  reflectedHandling,
  reconnecting,
  backoff,
  connectionTruth,
  questions,
  patience,
  bounds,
  deviceLists,
  sharedData,
  preconditions,
  caughtUp,
  handedBack,
  programPromises,
  reading,
  chatHandling
]
