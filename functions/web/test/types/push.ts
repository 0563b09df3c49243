import { ZIM } from "zego-zim-web";
import { ZPNs, type ZPNsConfig, type ZPNsMessage } from "zego-zpns-web";

const config: ZPNsConfig = {
  apiKey: "", authDomain: "", projectId: "", storageBucket: "", messagingSenderId: "", appId: "", measurementId: "", vapidKey: "",
};
const zpns: ZPNs = ZPNs.getInstance();
const version: string = ZPNs.getVersion();
zpns.register(config, ZIM.create({ appID: 1 }));
zpns.unregister();

function arrived(message: ZPNsMessage): void {
  console.log(message.title, message.content, message.icon, message.extra ? message.extra.payload : message.extra, version);
}
console.log(arrived);
