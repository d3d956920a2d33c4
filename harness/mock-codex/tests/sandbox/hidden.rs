//! Files that are hidden from commands.

use crate::place::{Mode, On, Place};

#[test]
fn what_is_hidden_is_neither_read_nor_written_nor_moved() {
    for on in [On::Namespaces, On::Spare, On::NamespacesAsNobody] {
        let place = Place::new();
        let Some(launcher) = place.launcher(on) else {
            continue;
        };
        let before = place.names();
        let script = "exec 2>&1; cat existing ../outside/existing; ls sub; cat sub/.git/x; \
            mv existing moved; rmdir sub; (echo x > missing); cat missing; mkdir missing; \
            chmod 644 existing; echo x > new && cat new";
        let outcome = place.run(&launcher, Mode::Hidden, script);
        let lines: Vec<&str> = outcome.output.lines().collect();
        assert_eq!(
            lines,
            [
                "cat: existing: Permission denied",
                "cat: ../outside/existing: Permission denied",
                "ls: cannot open directory 'sub': Permission denied",
                "cat: sub/.git/x: Permission denied",
                "mv: cannot move 'existing' to 'moved': Device or resource busy",
                "rmdir: failed to remove 'sub': Device or resource busy",
                "/bin/bash: line 1: missing: Is a directory",
                "cat: missing: Permission denied",
                "mkdir: cannot create directory 'missing': File exists",
                "chmod: changing permissions of 'existing': Read-only file system",
                "x",
            ],
            "{on:?}"
        );
        // Nothing was touched, and nothing stays behind.
        let existing = std::fs::read_to_string(place.path("ws/existing")).unwrap();
        assert_eq!(existing, "before\n");
        let mut after = before;
        after.push("new".to_owned());
        after.sort();
        assert_eq!(place.names(), after, "{on:?}");
    }
}
