import {
  ZIM, ZIMGroupEvent, ZIMGroupInviteMode, ZIMGroupJoinMode, ZIMGroupState, type ZIMErrorUserInfo, type ZIMGroupAdvancedConfig, type ZIMGroupFullInfo,
  type ZIMGroupInfo, type ZIMGroupMemberInfo, type ZIMGroupMemberQueryConfig, type ZIMGroupMemberSimpleInfo,
} from "zego-zim-web";

declare const zim: ZIM;

const info: ZIMGroupInfo = { groupID: "g", groupName: "Group", groupAvatarUrl: "" };
const config: ZIMGroupAdvancedConfig = {
  groupNotice: "", groupAttributes: {}, maxMemberCount: 100, joinMode: ZIMGroupJoinMode.Any, inviteMode: ZIMGroupInviteMode.Admin, beInviteMode: 0,
};
zim.createGroup(info, ["bob"], config).then(({ groupInfo, userList, errorUserList }) => {
  const full: ZIMGroupFullInfo = groupInfo;
  const members: ZIMGroupMemberInfo[] = userList;
  const failed: ZIMErrorUserInfo[] = errorUserList;
  console.log(full.baseInfo.groupID, full.verifyInfo.joinMode, members[0]?.memberRole, failed[0]?.reason);
});
zim.createGroup(info, ["bob"]);
zim.joinGroup("g").then(({ groupInfo }) => console.log(groupInfo.createTime, groupInfo.maxMemberCount));
zim.leaveGroup("g").then(({ groupID }) => console.log(groupID));
zim.dismissGroup("g").then(({ groupID }) => console.log(groupID));
zim.inviteUsersIntoGroup(["bob"], "g").then(({ groupID, userList, errorUserList }) => console.log(groupID, userList[0]?.groupEnterInfo.enterTime, errorUserList.length));
zim.kickGroupMembers(["bob"], "g").then(({ kickedUserIDs }) => console.log(kickedUserIDs));
zim.transferGroupOwner("bob", "g").then(({ toUserID }) => console.log(toUserID));
zim.setGroupMemberRole(2, "bob", "g").then(({ forUserID, role }) => console.log(forUserID, role));
zim.queryGroupInfo("g").then(({ groupInfo }) => console.log(groupInfo.groupNotice));
zim.queryGroupList().then(({ groupList }) => console.log(groupList[0]?.baseInfo.groupName));
zim.queryGroupMemberCount("g").then(({ count }) => console.log(count));
const page: ZIMGroupMemberQueryConfig = { nextFlag: 0, count: 100 };
zim.queryGroupMemberList("g", page).then(({ userList }) => {
  const by: ZIMGroupMemberSimpleInfo | undefined = userList[0]?.groupEnterInfo.operatedUser;
  console.log(by?.memberNickname, by?.memberRole, by?.userID);
});
zim.queryGroupMemberList("g", page).then(({ userList, nextFlag }) => console.log(userList.map((m) => m.userID), nextFlag));
zim.on("groupStateChanged", (_zim, { state, event, operatedInfo, groupInfo }) => {
  if (state === ZIMGroupState.Quit && event === ZIMGroupEvent.Dismissed) console.log(operatedInfo.userID, groupInfo.baseInfo.groupID);
});
