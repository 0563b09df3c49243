// What of a call's change each of its users is told: a pure function of the
// document before and after.
import { ZIMCallInvitationMode, ZIMCallState, ZIMCallUserState } from "./enums.js";
import type { ZIMCallUserInfo } from "./call-types.js";
import type { EventData } from "./events.js";
import type { CallDocument } from "./feed.js";

/** An event to fire. */
export type CallEvent = { [K in keyof EventData]: { type: K; data: EventData[K] } }[keyof EventData];

/**
 * callEvents is the events for userID of a call that was before, or is seen for
 * the first time, and is now. A call seen for the first time that rings or is
 * under way is told whole: the user was away.
 */
export function callEvents(before: CallDocument | undefined, now: CallDocument, userID: string): CallEvent[] {
  const events: CallEvent[] = [];
  const own = now.users[userID];
  if (!own || (before && before.rev >= now.rev)) return events;
  const { callID, mode, caller, createTime, timeout } = now;
  const extendedData = now.extendedData ?? "";
  const whole = { callID, mode, caller, extendedData, timeout, createTime, callUserList: userList(now) };

  if (!before && now.state === ZIMCallState.Started && userID === caller) {
    events.push({ type: "callInvitationCreated", data: whole });
  }
  const was = before?.users[userID];
  const invited = own.state === ZIMCallUserState.Inviting && (was?.state !== ZIMCallUserState.Inviting || (own.gen ?? 0) > (was.gen ?? 0));
  if (invited) events.push({ type: "callInvitationReceived", data: { ...whole, inviter: own.inviter || caller } });
  events.push(...changes(before, now, userID, invited));

  if (was?.state === ZIMCallUserState.Inviting && own.state === ZIMCallUserState.BeCancelled) {
    // The extendedData of who cancelled, which is the inviter or the caller.
    const inviter = own.inviter || caller;
    events.push({ type: "callInvitationCancelled", data: { callID, mode, inviter, extendedData: now.users[inviter]?.extendedData ?? "" } });
  }
  if (was?.state === ZIMCallUserState.Inviting && own.state === ZIMCallUserState.Timeout) {
    events.push({ type: "callInvitationTimeout", data: { callID, mode } });
  }
  if (before?.state === ZIMCallState.Started && now.state === ZIMCallState.Ended && mode === ZIMCallInvitationMode.Advanced) {
    const operatedUserID = now.endedBy ?? "";
    events.push({
      type: "callInvitationEnded",
      data: { callID, mode, caller, operatedUserID, extendedData: now.users[operatedUserID]?.extendedData ?? "", endTime: now.endTime ?? 0 },
    });
  }
  return events;
}

/** changes is the events about the users whose state changed, the older ones for the caller among them. */
function changes(before: CallDocument | undefined, now: CallDocument, userID: string, invited: boolean): CallEvent[] {
  const { callID } = now;
  const changed = userList(now).filter((u) => before?.users[u.userID]?.state !== u.state);
  // A call seen for the first time has its users' states in the events above,
  // but for who is in it already and was away.
  if (changed.length === 0 || (!before && (invited || userID === now.caller && !answered(now)))) return [];
  const events: CallEvent[] = [{ type: "callUserStateChanged", data: { callID, callUserList: changed } }];
  if (userID !== now.caller || !before) return events;
  for (const { userID: invitee, state, extendedData } of changed.filter((u) => u.userID !== userID)) {
    if (state === ZIMCallUserState.Accepted) events.push({ type: "callInvitationAccepted", data: { callID, invitee, extendedData } });
    if (state === ZIMCallUserState.Rejected) events.push({ type: "callInvitationRejected", data: { callID, invitee, extendedData } });
  }
  const late = changed.filter((u) => u.userID !== userID && u.state === ZIMCallUserState.Timeout).map((u) => u.userID);
  if (late.length > 0) events.push({ type: "callInviteesAnsweredTimeout", data: { callID, invitees: late } });
  return events;
}

function answered(call: CallDocument): boolean {
  return Object.entries(call.users).some(([id, u]) => id !== call.caller && u.state !== ZIMCallUserState.Inviting);
}

/** userList is everyone in the call, the caller first. */
export function userList(call: CallDocument): ZIMCallUserInfo[] {
  const ids = Object.keys(call.users).sort();
  return [call.caller, ...ids.filter((id) => id !== call.caller)].filter((id) => call.users[id]).map((id) => {
    const { state, extendedData } = call.users[id]!;
    return { userID: id, state, extendedData: extendedData ?? "" };
  });
}
