/**
 * Bugs in the mediator's registry: the handshake, device slots, the leader, what devices ask of their group.
 *
 * @since 0.1.0
 */
import type { Mutant } from "./Mutant.ts"

export const slots: ReadonlyArray<Mutant> = [
  {
    name: "two-leaders",
    side: "mediator",
    flaw: "Whoever became dry last is promoted, while the leader before it is still connected.",
    breaks: "decision 8",
    patches: [
      { file: "Leader.ts", find: "if (group.leader !== undefined) return\n", replace: "" },
      {
        file: "Leader.ts",
        find: "group.sessions.find((session) => session.isDry)",
        replace: "group.sessions.findLast((session) => session.isDry)"
      }
    ]
  },
  {
    name: "leader-before-dry",
    side: "mediator",
    flaw: "The oldest connection becomes leader even if it has not been given its queue.",
    breaks: "decision 8",
    patches: [
      { file: "Leader.ts", find: "group.sessions.find((session) => session.isDry)", replace: "group.sessions[0]" }
    ]
  },
  {
    name: "no-succession",
    side: "mediator",
    flaw: "When the leader leaves, nobody takes its place.",
    breaks: "decision 8",
    patches: [
      { file: "Leader.ts", find: "group.leader = undefined\n  elect(turn, group)", replace: "group.leader = undefined" }
    ]
  },
  {
    name: "registered-before-check",
    side: "mediator",
    flaw: "A device whose expected slot state is wrong gets a slot before it is refused.",
    breaks: "decision 5",
    patches: [
      {
        file: "ClientHello.ts",
        find: "if (hello.expectedDeviceSlotState !== state) {",
        replace: `if (hello.expectedDeviceSlotState !== state) {
    group.slots.set(hello.deviceId, known ?? makeSlot(turn, hello.deviceId))`
      }
    ]
  },
  {
    name: "slot-state-not-checked",
    side: "mediator",
    flaw: "A ClientHello is accepted whatever slot state it expects.",
    breaks: "decision 5",
    patches: [
      {
        file: "ClientHello.ts",
        find: "if (hello.expectedDeviceSlotState !== state) {",
        replace: "if (hello.version < 0) {"
      }
    ]
  },
  {
    name: "slots-not-limited",
    side: "mediator",
    flaw: "A group may have any number of device slots.",
    breaks: "decision 5, decision 14",
    patches: [
      {
        file: "ClientHello.ts",
        find: "known === undefined && group.slots.size >= options.maxDeviceSlots",
        replace: "hello.version < 0"
      },
      { file: "ClientHello.ts", find: "if (known === undefined) makeRoom(turn, group)", replace: "" }
    ]
  },
  {
    name: "reject-policy-ignored",
    side: "mediator",
    flaw: "When all slots are taken, a newcomer gets one whatever its policy says.",
    breaks: "decision 5, PROTOCOL D6",
    patches: [
      {
        file: "ClientHello.ts",
        find: "if (isFull && hello.deviceSlotsExhaustedPolicy !== DeviceSlotsExhaustedPolicy.DROP_LEAST_RECENT) {",
        replace: "if (hello.version < 0) {"
      }
    ]
  },
  {
    name: "most-recent-dropped",
    side: "mediator",
    flaw: "The slot that goes to make room is that of the device that was there last.",
    breaks: "PROTOCOL D6",
    patches: [{ file: "DeviceSlots.ts", find: "isLessRecent(slot, found)", replace: "isLessRecent(found, slot)" }]
  },
  {
    name: "volatile-never-expires",
    side: "mediator",
    flaw: "The slot of a volatile device stays for good.",
    breaks: "decision 14, PROTOCOL D26",
    patches: [
      { file: "DeviceSlots.ts", find: "if (!isVolatile(slot)) return", replace: "if (slot.issued >= 0) return" }
    ]
  },
  {
    name: "replaced-not-closed",
    side: "mediator",
    flaw: "When a device connects again, its old connection stays open.",
    breaks: "PROTOCOL D8",
    patches: [
      {
        file: "ClientHello.ts",
        find: `closeConnection(turn, replaced.connection, CloseCode.DuplicateDevice, "the device connected again")`,
        replace: ""
      }
    ]
  },
  {
    name: "server-info-not-first",
    side: "mediator",
    flaw: "Queued messages are handed over before ServerInfo.",
    breaks: "decision 7",
    patches: [
      {
        file: "ClientHello.ts",
        find: `const after = record(turn, group, {\n    _tag: "RegisterSlot",`,
        replace: `advance(turn, session)\n  const after = record(turn, group, {\n    _tag: "RegisterSlot",`
      }
    ]
  },
  {
    name: "drop-keeps-queue",
    side: "mediator",
    flaw: "The queue of a dropped device stays in the store, and the device finds it after a restart of the mediator.",
    breaks: "decision 17, PROTOCOL D24",
    patches: [
      {
        file: "SlotLoss.ts",
        find: `group.departed = record(turn, group, { _tag: "DropSlot", deviceId: slot.deviceId })`,
        replace: "group.departed = slot.appended"
      }
    ]
  },
  {
    name: "dropped-stays-connected",
    side: "mediator",
    flaw: "The connection of a dropped device is not closed.",
    breaks: "decision 17",
    patches: [
      {
        file: "SlotLoss.ts",
        find: `if (session !== undefined) closeConnection(turn, session.connection, code, reason, after, "Dropped")`,
        replace: ""
      }
    ]
  },
  {
    name: "drop-of-unknown-not-acked",
    side: "mediator",
    flaw: "Dropping a device that has no slot gets no answer.",
    breaks: "decision 17",
    patches: [
      {
        file: "DeviceManagement.ts",
        find: `if (slot === undefined) return send(turn, connection, { _tag: "DropDeviceAck", deviceId }, group.departed)`,
        replace: "if (slot === undefined) return"
      }
    ]
  },
  {
    name: "asker-not-listed",
    side: "mediator",
    flaw: "DevicesInfo lists all devices but the one that asks.",
    breaks: "PROTOCOL D23",
    patches: [
      {
        file: "DeviceManagement.ts",
        find: "for (const slot of group.slots.values()) augmentedDeviceInfo",
        replace: "for (const slot of group.slots.values()) if (slot !== session.slot) augmentedDeviceInfo"
      }
    ]
  },
  {
    name: "devices-of-all-groups-listed",
    side: "mediator",
    flaw: "DevicesInfo lists the devices of all groups that are in memory.",
    breaks: "PROTOCOL D23",
    patches: [
      {
        file: "DeviceManagement.ts",
        find: "for (const slot of group.slots.values()) augmentedDeviceInfo.set(slot.deviceId, augmented(slot))",
        replace: `for (const other of turn.state.groups.values()) {
    for (const slot of other.slots.values()) augmentedDeviceInfo.set(slot.deviceId, augmented(slot))
  }`
      }
    ]
  },
  {
    name: "shared-data-not-persisted",
    side: "mediator",
    flaw: "Shared device data is forgotten when the mediator restarts.",
    breaks: "decision 19, PROTOCOL D25",
    patches: [
      {
        file: "DeviceManagement.ts",
        find: `record(turn, group, {\n    _tag: "SetSharedData",\n    encryptedSharedDeviceData: group.encryptedSharedDeviceData\n  })`,
        replace: ""
      }
    ]
  },
  {
    name: "devices-listed-early",
    side: "mediator",
    flaw: "DevicesInfo lists a device before its registration is durable.",
    breaks: "PROTOCOL D23",
    patches: [
      {
        file: "DeviceManagement.ts",
        find: "Math.max(group.departed, group.registered)",
        replace: "group.departed"
      }
    ]
  },
  {
    name: "idle-never-noticed",
    side: "mediator",
    flaw: "A connection on which nothing comes in is never closed.",
    breaks: "decision 14, PROTOCOL D28",
    patches: [
      {
        file: "Silence.ts",
        find: "closeConnection(turn, connection, CloseCode.Idle, reason)",
        replace: ""
      }
    ]
  }
]
