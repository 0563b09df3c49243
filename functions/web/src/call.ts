// Calls over HTTP: the API's answers in the compared SDK's shapes.
import type {
  CallInput, ZIMCallAcceptanceSentResult, ZIMCallCancelConfig, ZIMCallCancelSentResult, ZIMCallEndConfig, ZIMCallEndSentResult, ZIMCallInfo,
  ZIMCallingInvitationSentResult, ZIMCallingInviteConfig, ZIMCallInvitationListQueriedResult, ZIMCallInvitationQueryConfig,
  ZIMCallInvitationSentResult, ZIMCallInviteConfig, ZIMCallJoinSentResult, ZIMCallQuitConfig, ZIMCallQuitSentResult,
} from "./call-types.js";
import { invalid, unsupported } from "./errors.js";
import type { Api } from "./http.js";
import { pushConfig } from "./message.js";
import type { ZIMPushConfigInput } from "./types.js";

type Answering = { extendedData?: string };
type Leaving = { extendedData?: string; pushConfig?: ZIMPushConfigInput };

export class Calls {
  constructor(private readonly api: Api, private readonly deviceID: string) {}

  async invite(invitees: string[], config: CallInput<ZIMCallInviteConfig>): Promise<ZIMCallInvitationSentResult> {
    if (config.enableNotReceivedCheck) throw unsupported("check whether an invitation was received: leave out enableNotReceivedCheck");
    const timeout = config.timeout ?? 90;
    if (!Number.isInteger(timeout) || timeout < 1 || timeout > 600) throw invalid("config.timeout", "must be a whole number of seconds, 1 to 600");
    const answer = await this.api.post<ZIMCallInvitationSentResult>("/call-invite", {
      invitees: users(invitees),
      callID: newCallID(), // so that the request may be repeated
      config: {
        timeout,
        mode: config.mode ?? 0,
        extendedData: config.extendedData ?? "",
        ...push(config, "callInvite"),
      },
    });
    const { callID, errorInvitees, errorUserList } = answer;
    return { callID, timeout: answer.timeout, errorInvitees, errorUserList };
  }

  inviteMore(invitees: string[], callID: string, config: CallInput<ZIMCallingInviteConfig>): Promise<ZIMCallingInvitationSentResult> {
    return this.api.post("/calling-invite", { callID, invitees: users(invitees), config: push(config, "callingInvite") });
  }

  cancel(invitees: string[], callID: string, config: CallInput<ZIMCallCancelConfig>): Promise<ZIMCallCancelSentResult> {
    return this.api.post("/call-cancel", { callID, invitees: invitees ?? [], config: leaving(config, "callCancel") });
  }

  accept(callID: string, config: Answering): Promise<ZIMCallAcceptanceSentResult> {
    return this.answer("/call-accept", callID, config);
  }

  reject(callID: string, config: Answering): Promise<ZIMCallAcceptanceSentResult> {
    return this.answer("/call-reject", callID, config);
  }

  join(callID: string, config: Answering): Promise<ZIMCallJoinSentResult> {
    return this.answer("/call-join", callID, config);
  }

  quit(callID: string, config: CallInput<ZIMCallQuitConfig>): Promise<ZIMCallQuitSentResult> {
    return this.api.post("/call-quit", { callID, config: leaving(config, "callQuit") });
  }

  end(callID: string, config: CallInput<ZIMCallEndConfig>): Promise<ZIMCallEndSentResult> {
    return this.api.post("/call-end", { callID, config: leaving(config, "callEnd") });
  }

  /** flags is the API's page marks by the numbers that stand for them, as the compared SDK's are numbers. */
  private readonly flags: string[] = [""];

  async list(config: ZIMCallInvitationQueryConfig): Promise<ZIMCallInvitationListQueriedResult> {
    const answer = await this.api.post<{ callList: ZIMCallInfo[]; nextFlag: string }>("/call-query", {
      count: config.count, nextFlag: this.flags[config.nextFlag ?? 0] ?? "",
    });
    return { callList: answer.callList, nextFlag: answer.nextFlag === "" ? 0 : this.flags.push(answer.nextFlag) - 1 };
  }

  /** settle has the server look whether an invitation of the call has run out: what follows is in the call's document. */
  async settle(callID: string): Promise<void> {
    await this.api.post("/call-query", { callID });
  }

  private answer<T>(path: string, callID: string, config: Answering): Promise<T> {
    return this.api.post<T>(path, { callID, deviceID: this.deviceID, config: { extendedData: config.extendedData ?? "" } });
  }
}

function users(invitees: string[]): string[] {
  if (!Array.isArray(invitees) || invitees.length === 0) throw invalid("invitees", "must name at least one user");
  return [...new Set(invitees)];
}

function leaving(config: Leaving, call: string): object {
  return { extendedData: config.extendedData ?? "", ...push(config, call) };
}

function push(config: { pushConfig?: ZIMPushConfigInput }, call: string): object {
  const wanted = pushConfig(config.pushConfig, call);
  return wanted ? { pushConfig: wanted } : {};
}

/** newCallID is 20 random digits: as long as the compared SDK's IDs may be. */
function newCallID(): string {
  return [...crypto.getRandomValues(new Uint8Array(20))].map((b) => b % 10).join("");
}
