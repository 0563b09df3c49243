import {
  ZIM, ZIMCallInvitationMode, ZIMCallState, ZIMCallUserState, type ZIMCallCancelConfig, type ZIMCallEndConfig, type ZIMCallInfo,
  type ZIMCallingInviteConfig, type ZIMCallInviteConfig, type ZIMCallQuitConfig, type ZIMCallUserInfo, type ZIMErrorUserInfo,
} from "zego-zim-web";

declare const zim: ZIM;

const invite: ZIMCallInviteConfig = { timeout: 90, mode: ZIMCallInvitationMode.Advanced, extendedData: "", enableNotReceivedCheck: true };
zim.callInvite(["bob"], invite).then(({ callID, timeout, errorUserList }) => {
  const failed: ZIMErrorUserInfo[] = errorUserList;
  const more: ZIMCallingInviteConfig = {};
  const cancel: ZIMCallCancelConfig = { extendedData: "" };
  const leave: ZIMCallQuitConfig & ZIMCallEndConfig = { extendedData: "" };
  console.log(timeout, failed);
  zim.callingInvite(["carol"], callID, more).then((r) => console.log(r.errorUserList));
  zim.callCancel([], callID, cancel).then(({ errorInvitees }) => console.log(errorInvitees.join()));
  zim.callQuit(callID, leave).then(({ createTime, acceptTime, quitTime }) => console.log(createTime, acceptTime, quitTime));
  zim.callEnd(callID, leave).then(({ endTime }) => console.log(endTime));
});
zim.callAccept("1", { extendedData: "" }).then(({ callID }) => console.log(callID));
zim.callReject("1", { extendedData: "" }).then(({ callID }) => console.log(callID));
zim.callJoin("1", { extendedData: "" }).then(({ joinTime, callUserList }) => console.log(joinTime, callUserList[0]?.state));
zim.queryCallInvitationList({ count: 20, nextFlag: 0 }).then(({ callList, nextFlag }) => {
  const calls: ZIMCallInfo[] = callList;
  console.log(calls[0]?.state === ZIMCallState.Started, nextFlag > 0);
});

zim.on("callInvitationCreated", (_zim, { callID, mode, caller, timeout, createTime, callUserList }) => console.log(callID, mode, caller, timeout, createTime, callUserList));
zim.on("callInvitationReceived", (z, { callID, inviter, caller, extendedData }) => {
  console.log(inviter, caller, extendedData);
  z.callAccept(callID, { extendedData: "" });
});
zim.on("callInvitationCancelled", (_zim, { callID, inviter, extendedData }) => console.log(callID, inviter, extendedData));
zim.on("callInvitationTimeout", (_zim, { callID, mode }) => console.log(callID, mode));
zim.on("callInvitationEnded", (_zim, { callID, operatedUserID, endTime }) => console.log(callID, operatedUserID, endTime));
zim.on("callUserStateChanged", (_zim, { callID, callUserList }) => {
  const accepted: ZIMCallUserInfo[] = callUserList.filter((u) => u.state === ZIMCallUserState.Accepted);
  console.log(callID, accepted);
});
zim.on("callInvitationAccepted", (_zim, { callID, invitee, extendedData }) => console.log(callID, invitee, extendedData));
zim.on("callInvitationRejected", (_zim, { invitee }) => console.log(invitee));
zim.on("callInviteesAnsweredTimeout", (_zim, { callID, invitees }) => console.log(callID, invitees.length));
