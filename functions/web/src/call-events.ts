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
 * the first time, and is now. since is when the user logged in, of the server's
 * clock: an older call that is seen for the first time went on while they were
 * away, and they are told how it stands.
 */
export function callEvents(before: CallDocument | undefined, now: CallDocument, userID: string, since: number): CallEvent[] {
  const own = now.users[userID];
  if (!own || (before && before.rev >= now.rev)) return [];
  if (!before && now.state === ZIMCallState.Ended) return []; // over before it was heard of
  const events: CallEvent[] = [];
  const { callID, mode, caller, createTime, timeout } = now;
  const extendedData = now.extendedData ?? "";
  const whole = { callID, mode, caller, extendedData, timeout, createTime, callUserList: userList(now) };
  const was = before?.users[userID];

  const created = !before && userID === caller && createTime >= since;
  if (created) events.push({ type: "callInvitationCreated", data: whole });
  const invited = own.state === ZIMCallUserState.Inviting && (was?.state !== ZIMCallUserState.Inviting || (own.gen ?? 0) > (was.gen ?? 0));
  if (invited) events.push({ type: "callInvitationReceived", data: { ...whole, inviter: own.inviter || caller } });

  // Who is told of a call first has its users' states from that.
  const takesPart = isIn(own.state) || (was !== undefined && isIn(was.state));
  if (takesPart && !created && !(invited && !before)) events.push(...changes(before, now, userID));

  if (was?.state === ZIMCallUserState.Inviting && own.state === ZIMCallUserState.BeCancelled) {
    const inviter = own.inviter || caller;
    events.push({ type: "callInvitationCancelled", data: { callID, mode, inviter, extendedData: now.users[inviter]?.extendedData ?? "" } });
  }
  if (was?.state === ZIMCallUserState.Inviting && own.state === ZIMCallUserState.Timeout) {
    events.push({ type: "callInvitationTimeout", data: { callID, mode } });
  }
  if (takesPart && before?.state === ZIMCallState.Started && now.state === ZIMCallState.Ended && mode === ZIMCallInvitationMode.Advanced) {
    const operatedUserID = now.endedBy ?? "";
    events.push({
      type: "callInvitationEnded",
      data: { callID, mode, caller, operatedUserID, extendedData: now.users[operatedUserID]?.extendedData ?? "", endTime: now.endTime ?? 0 },
    });
  }
  return events;
}

/** isIn reports whether a user in the state is told of the others: one who is in the call, or may still come in. */
function isIn(state: ZIMCallUserState): boolean {
  return state === ZIMCallUserState.Inviting || state === ZIMCallUserState.Accepted;
}

/** changes is the events about users whose state changed, for the caller the older ones too. */
function changes(before: CallDocument | undefined, now: CallDocument, userID: string): CallEvent[] {
  const { callID } = now;
  const changed = userList(now).filter((u) => before?.users[u.userID]?.state !== u.state);
  if (changed.length === 0) return [];
  const events: CallEvent[] = [{ type: "callUserStateChanged", data: { callID, callUserList: changed } }];
  if (userID !== now.caller) return events;
  const others = changed.filter((u) => u.userID !== userID);
  for (const { userID: invitee, state, extendedData } of others) {
    if (state === ZIMCallUserState.Accepted) events.push({ type: "callInvitationAccepted", data: { callID, invitee, extendedData } });
    if (state === ZIMCallUserState.Rejected) events.push({ type: "callInvitationRejected", data: { callID, invitee, extendedData } });
  }
  const late = others.filter((u) => u.state === ZIMCallUserState.Timeout).map((u) => u.userID);
  if (late.length > 0) events.push({ type: "callInviteesAnsweredTimeout", data: { callID, invitees: late } });
  return events;
}

/** userList is everyone in the call, the caller first. */
export function userList(call: CallDocument): ZIMCallUserInfo[] {
  const ids = Object.keys(call.users).sort();
  return [call.caller, ...ids.filter((id) => id !== call.caller)].filter((id) => call.users[id]).map((id) => {
    const { state, extendedData } = call.users[id]!;
    return { userID: id, state, extendedData: extendedData ?? "" };
  });
}
