//! What a chat service answers: WeCom, DingTalk and Feishu say in the body of an answer whose
//! status is 200 whether they took the message.
//!
//! | service | taken | codes that pass | documented at |
//! | --- | --- | --- | --- |
//! | WeCom | `errcode` 0 | −1 busy, 45009 too many a minute, 45033 too many at once | developer.work.weixin.qq.com |
//! | DingTalk | `errcode` 0 | −1 busy, 90030, 130101 and 410100 too many a minute | open.dingtalk.com |
//! | Feishu | `code` or `StatusCode` 0 | 9499, 11232, 11233, 230020 and 99991400 too many requests | open.feishu.cn |
//! | Slack | `ok`, or JSON with `ok` true | `ratelimited` | api.slack.com |
//!
//! A message is sent again only where the code passes; a key that is wrong stays wrong.

use super::format::Format;
use serde_json::Value;
use std::time::Duration;

/// The limits of these services are by minute.
const MINUTE: Duration = Duration::from_secs(60);

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceAnswer {
    /// The message has been taken.
    Taken,
    /// It may be taken another time, after at least so long.
    Later(String, Option<Duration>),
    /// It never will be.
    Refused(String),
}

/// What the answer to a message of `format` says.
pub(super) fn read(format: Format, body: &str) -> ServiceAnswer {
    let answer = serde_json::from_str::<Value>(body).unwrap_or_default();
    let code = |names: &[&'static str]| names.iter().find_map(|name| Some((*name, answer.get(name)?.as_i64()?)));
    let text = |names: &[&str]| names.iter().find_map(|name| answer.get(name)?.as_str()).unwrap_or_default();
    match format {
        // `errcode` means the same to all who use it.
        Format::Json => match code(&["errcode"]) {
            None => ServiceAnswer::Taken,
            coded => by_code(Format::WeCom, coded, text(&["errmsg"]), body),
        },
        Format::WeCom | Format::DingTalk => by_code(format, code(&["errcode"]), text(&["errmsg"]), body),
        Format::Feishu => by_code(format, code(&["code", "StatusCode"]), text(&["msg", "StatusMessage"]), body),
        Format::Slack => match (answer.get("ok").and_then(Value::as_bool), text(&["error"])) {
            (Some(false), error @ ("ratelimited" | "rate_limited")) => {
                ServiceAnswer::Later(error.to_owned(), Some(MINUTE))
            }
            (Some(false), error) => ServiceAnswer::Refused(format!("it answered that it is not ok: {error}")),
            _ => ServiceAnswer::Taken,
        },
    }
}

fn by_code(format: Format, code: Option<(&str, i64)>, said: &str, body: &str) -> ServiceAnswer {
    let Some((name, code)) = code else {
        // A proxy's page, perhaps: nobody has said that the message was taken.
        let name = if format == Format::Feishu { "code" } else { "errcode" };
        return ServiceAnswer::Later(format!("its answer has no {name}: {body}"), None);
    };
    if code == 0 {
        return ServiceAnswer::Taken;
    }
    let hint = hint(format, code).map_or(String::new(), |hint| format!("; {hint}"));
    let why = format!("it answered {name} {code}: {said}{hint}");
    match passes(format, code) {
        Some(after) => ServiceAnswer::Later(why, after),
        None => ServiceAnswer::Refused(why),
    }
}

/// Whether the same message can be taken later, and after how long.
const fn passes(format: Format, code: i64) -> Option<Option<Duration>> {
    match (format, code) {
        (Format::Feishu, 9499 | 11_232 | 11_233 | 230_020 | 99_991_400) => Some(Some(MINUTE)),
        (Format::Feishu, _) => None,
        (_, -1) => Some(None),
        (_, 45_009 | 45_033 | 90_030 | 130_101 | 410_100) => Some(Some(MINUTE)),
        _ => None,
    }
}

/// What to do about a code.
const fn hint(format: Format, code: i64) -> Option<&'static str> {
    Some(match (format, code) {
        (Format::Feishu, 19_001) => "the address is wrong or the robot was removed; copy the address anew",
        (Format::Feishu, 19_021) => "the robot asks for a signature, which is not made; give it the keyword seismolog",
        (Format::Feishu, 19_022) => "allow this machine's address in the robot's settings",
        (Format::Feishu, 19_024) => "give the robot the keyword seismolog, which every message has",
        (_, 93_000 | 300_005 | 300_001) => {
            "the key in the address is wrong or the robot was removed; copy the address anew"
        }
        (_, 310_000) => {
            "give the robot the keyword seismolog, which every message has, or allow this machine's address"
        }
        (_, 45_009 | 90_030 | 130_101 | 410_100) => "it takes 20 messages a minute; lower per_minute",
        (_, 40_058 | 45_002) => "the template makes no message that it takes",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_and_what_never_will_be_is_told_by_the_code() {
        enum Means {
            Taken,
            Later,
            Never,
        }
        use Means::{Later, Never, Taken};
        for (format, body, means, says) in [
            (Format::WeCom, r#"{"errcode":0,"errmsg":"ok"}"#, Taken, ""),
            (Format::WeCom, r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#, Never, "copy the address anew"),
            (Format::WeCom, r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#, Later, "lower per_minute"),
            (Format::WeCom, r#"{"errcode":-1,"errmsg":"system busy"}"#, Later, "system busy"),
            (Format::WeCom, "<html>log in</html>", Later, "no errcode"),
            (Format::WeCom, "", Later, "no errcode"),
            (Format::DingTalk, r#"{"errcode":0,"errmsg":"ok"}"#, Taken, ""),
            (Format::DingTalk, r#"{"errcode":310000,"errmsg":"keywords not in content"}"#, Never, "keyword seismolog"),
            (Format::DingTalk, r#"{"errcode":130101,"errmsg":"send too fast"}"#, Later, "20 messages a minute"),
            (Format::Feishu, r#"{"code":0,"msg":"success","data":{}}"#, Taken, ""),
            (Format::Feishu, r#"{"StatusCode":0,"StatusMessage":"success"}"#, Taken, ""),
            (Format::Feishu, r#"{"code":19024,"msg":"Key Words Not Found"}"#, Never, "keyword seismolog"),
            (Format::Feishu, r#"{"code":11232,"msg":"frequency limited"}"#, Later, "frequency limited"),
            (Format::Slack, "ok", Taken, ""),
            (Format::Slack, r#"{"ok":true}"#, Taken, ""),
            (Format::Slack, r#"{"ok":false,"error":"channel_not_found"}"#, Never, "channel_not_found"),
            (Format::Slack, r#"{"ok":false,"error":"ratelimited"}"#, Later, "ratelimited"),
            (Format::Json, "anything", Taken, ""),
            (Format::Json, r#"{"code":7}"#, Taken, ""),
            (Format::Json, r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#, Never, "invalid webhook url"),
        ] {
            let answer = read(format, body);
            let fits = match (&answer, means) {
                (ServiceAnswer::Taken, Taken) => true,
                (ServiceAnswer::Later(why, _), Later) | (ServiceAnswer::Refused(why), Never) => why.contains(says),
                _ => false,
            };
            assert!(fits, "{format:?} {body}: {answer:?}");
        }
        let ServiceAnswer::Later(_, after) = read(Format::WeCom, r#"{"errcode":45009}"#) else { panic!() };
        assert_eq!(after, Some(MINUTE));
    }
}
