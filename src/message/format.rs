//! Whose message is sent: the services that are known by name, each with its own shape of a
//! message, its limits, and its own way to refuse one.

use super::answer::{self, ServiceAnswer};
use super::chat::{self, Dialect};
use super::slack;
use super::template::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// Most bytes of a WeCom message: of a text, and of one in Markdown.
const WECOM_TEXT: usize = 2_048;
const WECOM_MARKDOWN: usize = 4_096;
/// Most bytes of the text of DingTalk and Feishu, whose requests have at most 20 KB.
const OTHER_MARKDOWN: usize = 14_000;

/// Whose message a webhook sends, and how the answer is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A document with all there is.
    #[default]
    Json,
    /// Slack, and what takes its messages, as Mattermost does.
    Slack,
    /// WeCom (企业微信).
    WeCom,
    /// DingTalk (钉钉).
    DingTalk,
    /// Feishu (飞书) and Lark.
    Feishu,
}

impl Format {
    /// The format of the service that has its webhooks at this host.
    #[must_use]
    pub fn of_host(host: &str) -> Self {
        match host.to_ascii_lowercase().as_str() {
            "hooks.slack.com" | "hooks.slack-gov.com" => Self::Slack,
            "qyapi.weixin.qq.com" => Self::WeCom,
            "oapi.dingtalk.com" | "api.dingtalk.com" => Self::DingTalk,
            "open.feishu.cn" | "open.larksuite.com" => Self::Feishu,
            _ => Self::Json,
        }
    }

    /// The message of a digest, as JSON.
    #[must_use]
    pub fn message(self, digest: &Digest<'_>) -> String {
        let message = match self {
            Self::Json => return serde_json::to_string(digest).unwrap_or_default(),
            Self::Slack => slack::message(digest),
            Self::WeCom => {
                json!({ "msgtype": "markdown", "markdown": { "content": chat::markdown(digest, Dialect::WeCom, WECOM_MARKDOWN) } })
            }
            Self::DingTalk => json!({ "msgtype": "markdown", "markdown": {
                "title": chat::inert(&digest.title),
                "text": chat::markdown(digest, Dialect::DingTalk, OTHER_MARKDOWN),
            } }),
            Self::Feishu => json!({ "msg_type": "interactive", "card": {
                "config": { "wide_screen_mode": true },
                "header": {
                    "title": { "tag": "plain_text", "content": digest.title },
                    "template": chat::colour(digest),
                },
                "elements": [{ "tag": "markdown", "content": chat::markdown(digest, Dialect::Feishu, OTHER_MARKDOWN) }],
            } }),
        };
        message.to_string()
    }

    /// The message of a template, cut to what the service takes: WeCom refuses a whole message that
    /// is too long.
    #[must_use]
    pub fn fit(self, body: String) -> String {
        if self != Self::WeCom || body.len() <= WECOM_TEXT {
            return body;
        }
        let Ok(mut message) = serde_json::from_str::<Value>(&body) else { return body };
        for (place, limit) in [
            ("/text/content", WECOM_TEXT),
            ("/markdown/content", WECOM_MARKDOWN),
            ("/markdown_v2/content", WECOM_MARKDOWN),
        ] {
            if let Some(Value::String(content)) = message.pointer_mut(place) {
                chat::cut(content, limit);
            }
        }
        message.to_string()
    }

    /// After how long the message of an answer that is an error may be taken: Feishu tells of too
    /// many messages with a status of 400.
    #[must_use]
    pub fn retry_after(self, body: &str) -> Option<Duration> {
        match self.read_answer(body) {
            ServiceAnswer::Later(_, after) => after,
            _ => None,
        }
    }

    /// What an answer with a status of success says.
    #[must_use]
    pub fn read_answer(self, body: &str) -> ServiceAnswer {
        answer::read(self, body)
    }
}

#[cfg(test)]
mod tests {
    use super::super::notice::tests::notice;
    use super::super::template::MessageOrigin;
    use super::*;
    use crate::engine::finding::{Severity, State};

    #[test]
    fn services_are_known_by_their_hosts() {
        for (host, format) in [
            ("hooks.slack.com", Format::Slack),
            ("QYAPI.weixin.qq.com", Format::WeCom),
            ("oapi.dingtalk.com", Format::DingTalk),
            ("open.feishu.cn", Format::Feishu),
            ("hooks.slack.com.example.org", Format::Json),
            ("127.0.0.1", Format::Json),
        ] {
            assert_eq!(Format::of_host(host), format, "{host}");
        }
    }

    #[test]
    fn wecom_gets_what_it_takes_however_much_there_is() {
        let origin = MessageOrigin::default();
        for (count, line, is_cut) in [
            (1, "短", false),
            (10, "connection refused", true),
            (10, "数据库连接被拒绝，请稍后重试。", true),
            (1, "磁盘满", true),
        ] {
            let findings: Vec<_> = (0..count)
                .map(|id| {
                    let mut notice = notice(id, State::Open, Severity::Critical);
                    notice.lines = vec![line.repeat(300 / line.chars().count()); 10];
                    notice.cause = Some(line.repeat(200));
                    notice
                })
                .collect();
            let digest = Digest::of(&findings, count, 0, Severity::Critical, &origin);
            let message: Value = serde_json::from_str(&Format::WeCom.message(&digest)).unwrap();
            let content = message["markdown"]["content"].as_str().unwrap();
            assert!(content.len() <= WECOM_MARKDOWN, "{}", content.len());
            assert!(content.contains("critical") && content.contains("seismolog"), "{content}");
            assert_eq!(content.contains("left out"), is_cut, "{content}");
        }
    }

    #[test]
    fn a_template_for_wecom_is_cut_at_a_character_and_says_so() {
        let long = "磁盘已满".repeat(400);
        for (template, limit) in [("text", WECOM_TEXT), ("markdown", WECOM_MARKDOWN)] {
            let body =
                json!({ "msgtype": template, template: { "content": long, "mentioned_list": ["a"] } }).to_string();
            let fitted: Value = serde_json::from_str(&Format::WeCom.fit(body.clone())).unwrap();
            let content = fitted[template]["content"].as_str().unwrap();
            assert!(content.len() <= limit && content.len() > limit - 8, "{}", content.len());
            assert!(content.starts_with("磁盘已满") && content.ends_with("bytes left out"), "{content}");
            assert_eq!(fitted[template]["mentioned_list"][0], "a");
            assert_eq!(Format::Json.fit(body.clone()), body);
        }
        let short = json!({ "msgtype": "text", "text": { "content": "磁盘已满" } }).to_string();
        assert_eq!(Format::WeCom.fit(short.clone()), short);
    }

    #[test]
    fn dingtalk_and_feishu_get_messages_of_their_shape() {
        let origin = MessageOrigin { environment: Some("shop".into()), ..MessageOrigin::default() };
        let findings = [notice(1, State::Open, Severity::Critical)];
        let digest = Digest::of(&findings, 1, 0, Severity::Critical, &origin);
        let message = |format: Format| serde_json::from_str::<Value>(&format.message(&digest)).unwrap();
        let dingtalk = message(Format::DingTalk);
        assert_eq!(
            (dingtalk["msgtype"].as_str(), dingtalk["markdown"]["title"].as_str()),
            (Some("markdown"), Some("critical: 12 errors of shop.1"))
        );
        assert!(dingtalk["markdown"]["text"].as_str().unwrap().contains("the \"pool\" is empty"), "{dingtalk}");
        let feishu = message(Format::Feishu);
        assert_eq!(feishu["card"]["header"]["template"], "red", "{feishu}");
        assert!(feishu["card"]["elements"][0]["content"].as_str().unwrap().contains("shop"), "{feishu}");
    }
}
