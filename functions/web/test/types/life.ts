// Programs as they are written against the compared packages' types. They are
// checked against ours under the same names, and run nowhere.
import { ZIM, ZIMConnectionEvent, ZIMConnectionState, type ZIMError, type ZIMLoginConfig, type ZIMUserInfo } from "zego-zim-web";

const zim: ZIM | null = ZIM.create({ appID: 1234 });
const again: ZIM | null = ZIM.create(1234);
const version: string = ZIM.getVersion();
const same: ZIM | null = ZIM.getInstance();
console.log(again, version, same);
if (!zim) throw new Error("there is one already");

zim.setLogConfig({ logLevel: "error" });
zim.on("error", (_zim, info) => {
  const error: ZIMError = info;
  console.log(error.code, error.message);
});
zim.on("connectionStateChanged", function (z, { state, event, extendedData }) {
  if (state === ZIMConnectionState.Disconnected && event === ZIMConnectionEvent.KickedOut) z.destroy();
  console.log(JSON.parse(extendedData));
});
zim.on("tokenWillExpire", (z, { second }) => {
  if (second < 60) z.renewToken("token").then(({ token }) => console.log(token)).catch((err: ZIMError) => console.log(err.code));
});
zim.off("error");

const user: ZIMUserInfo = { userID: "bob", userName: "Bob", userAvatarUrl: "", userExtendedData: "" };
const config: ZIMLoginConfig = { userName: "Bob", token: "token", isOfflineLogin: false, customStatus: "", customStatusDuration: 0 };
zim.login(user, "token").then(() => {}).catch((err: ZIMError) => console.log(err.code));
zim.login("bob", config).then(() => {
  zim.logout();
  zim.logout({ isClearDB: true });
});
