//! What this machine calls itself.

/// The name of this machine, as `hostname` prints it.
#[must_use]
pub fn name() -> String {
    let uname = rustix::system::uname();
    let name = uname.nodename().to_string_lossy();
    if name.is_empty() || name == "(none)" { "localhost".to_owned() } else { name.into_owned() }
}
