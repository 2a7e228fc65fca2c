//! Keeps the kernel's text console off the panel: its cursor, messages and blanking would be drawn over the picture.

use std::fs;
use std::path::Path;

/// Unbinds the text console from the framebuffer, where there is one and it may be.
pub fn give_way() {
    let consoles = fs::read_dir("/sys/class/vtconsole").into_iter().flatten().flatten();
    consoles.for_each(|console| unbind(&console.path()));
}

fn unbind(console: &Path) {
    let read = |name: &str| fs::read_to_string(console.join(name)).unwrap_or_default();
    if !read("name").contains("frame buffer") || read("bind").trim() != "1" {
        return;
    }
    if let Err(error) = fs::write(console.join("bind"), "0") {
        tracing::warn!(%error, "the text console stays on the panel; boot with fbcon=map:99, or let facegate write {}", console.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_panels_console_is_unbound_and_no_other() {
        let folder = tempfile::TempDir::new().unwrap();
        for (name, bind, expect) in [
            ("(S) dummy device\n", "1\n", "1\n"),
            ("(M) frame buffer device\n", "1\n", "0"),
            ("(M) frame buffer device\n", "0\n", "0\n"),
        ] {
            fs::write(folder.path().join("name"), name).unwrap();
            fs::write(folder.path().join("bind"), bind).unwrap();
            unbind(folder.path());
            assert_eq!(fs::read_to_string(folder.path().join("bind")).unwrap(), expect, "{name}");
        }
    }
}
