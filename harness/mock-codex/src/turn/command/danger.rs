//! Does a command line delete by force?

use super::script::{self, Word};

/// The shells that a script is looked for in (codex 0.169.0).
const SHELLS: &[&str] = &["bash", "sh", "zsh"];

/// How many scripts within scripts are looked into.
const DEPTH: usize = 16;

/// Does a script delete by force, wherever in it? What is no script does nothing.
pub(super) fn is_dangerous(script: &str) -> bool {
    deletes_within(script, DEPTH)
}

fn deletes_within(script: &str, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    let commands = script::commands(script).unwrap_or_default();
    commands.iter().any(|words| deletes(words, depth))
}

fn deletes(words: &[Word], depth: usize) -> bool {
    let Some((program, arguments)) = words.split_first() else {
        return false;
    };
    let program = program.literal().and_then(|path| path.rsplit('/').next());
    match program {
        Some("rm") => arguments
            .iter()
            .map_while(|word| (word.literal() != Some("--")).then(|| word.literal()))
            .flatten()
            .any(is_force),
        Some("sudo") => deletes(arguments, depth),
        Some("env") => {
            let own = |word: &&Word| {
                let text = word.literal();
                text.is_some_and(|text| text.starts_with('-') || text.contains('='))
            };
            let own = arguments.iter().take_while(own).count();
            deletes(&arguments[own..], depth)
        }
        Some("trap") => {
            let mut actions = arguments.iter().filter_map(Word::literal);
            let action = actions.find(|text| *text != "--");
            action.is_some_and(|script| deletes_within(script, depth))
        }
        Some(shell) if SHELLS.contains(&shell) => match arguments {
            [flag, script] if matches!(flag.literal(), Some("-c" | "-lc")) => script
                .literal()
                .is_some_and(|script| deletes_within(script, depth)),
            _ => false,
        },
        _ => false,
    }
}

fn is_force(argument: &str) -> bool {
    let flags = argument.strip_prefix('-');
    argument == "--force" || flags.is_some_and(|it| !it.starts_with('-') && it.contains('f'))
}

#[cfg(test)]
mod tests {
    use super::is_dangerous;

    #[test]
    fn forced_deletion_is_dangerous_wherever_it_stands() {
        for line in [
            "rm -rf x",
            "rm x -f",
            "rm -r --force x",
            "'rm' \"-f\" x",
            "cd a && /bin/rm -fr x",
            "sudo rm -rf /",
            "env -i A=1 rm -f x",
            "sh -c 'bash -lc \"rm -f x\"'",
            "trap -- 'true; rm -f x' EXIT",
            "for a in 1; do rm -f \"$a\"; done",
            "cat <(rm -f x)",
            "rm \\\n -f x",
            "rm -f x; fi",
        ] {
            assert!(is_dangerous(line), "{line}");
        }
        for line in [
            "rm x",
            "rm -r x",
            "rm -- -f",
            "echo 'rm -rf x'",
            "echo rm -f x",
            "rmdir -f x",
            "it's",
            "\\rm -f x",
            "rm \\-f x",
            "rm $'-f' x",
            "rm -{r,f} x",
            "rm -f x (",
            "rm -f x &&",
            "env -u A rm -f x",
            "sudo -n rm -f x",
            "sh -c 'rm -f x' y",
            "sh -ec 'rm -f x'",
            "eval 'rm -f x'",
            "true # rm -f x",
        ] {
            assert!(!is_dangerous(line), "{line}");
        }
    }
}
