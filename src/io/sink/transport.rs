//! How messages reach a server: by HTTP or by SMTP.

use super::client::Client;
use super::smtp::Mailer;
use crate::message::answer::ServiceAnswer;
use crate::message::format::Format;
use crate::message::mail::MailText;
use std::sync::Arc;
use std::time::Duration;

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A request.
    Post {
        /// Behind the path of the server's address.
        path: &'static str,
        /// Of the body.
        content_type: String,
        /// What is sent.
        body: String,
    },
    /// A mail.
    Mail(MailText),
}

/// What a server that took a message said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Its answer.
    pub answer: String,
    /// What went wrong all the same.
    pub but: Option<String>,
}

/// Why a message was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// It may be another time: no connection, no answer, or one that says so.
    Later {
        /// What happened.
        why: String,
        /// When the server wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// It never will be: the server does not want it.
    Refused(String),
}

/// Brings messages to one server.
#[derive(Debug)]
pub enum Transport {
    /// By HTTP, to a server that may say in its answer that it has not taken the message.
    Http(Box<Client>, Format),
    /// By SMTP.
    Smtp(Arc<Mailer>),
}

impl Transport {
    /// Brings a message.
    ///
    /// # Errors
    /// [`Undelivered`].
    pub async fn send(&self, message: Message) -> Result<Delivered, Undelivered> {
        match (self, message) {
            (Self::Http(client, format), Message::Post { path, content_type, body }) => {
                let (answered, body) =
                    client.post(path, &content_type, body.into_bytes(), |body| format.retry_after(body)).await?;
                let clip = |why: &str| crate::terminal::layout::clip(why, 300);
                match format.read_answer(&body) {
                    ServiceAnswer::Taken if body.trim().is_empty() => Ok(Delivered { answer: answered, but: None }),
                    ServiceAnswer::Taken => Ok(Delivered { answer: format!("{answered}: {}", clip(&body)), but: None }),
                    ServiceAnswer::Later(why, retry_after) => Err(Undelivered::Later { why: clip(&why), retry_after }),
                    ServiceAnswer::Refused(why) => Err(Undelivered::Refused(clip(&why))),
                }
            }
            (Self::Smtp(mailer), Message::Mail(mail)) => mailer.send(mail).await,
            // Who makes messages for a sink and who brings them are made together.
            _ => Err(Undelivered::Refused("a message of another kind; please report this as a bug".to_owned())),
        }
    }
}
