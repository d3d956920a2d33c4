//! Drivers to begin with: whole programs that run as they are, with a stand-in where an author's
//! SDK goes. The templates are `templates/driver/`.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, context};

use super::Language;

/// A file of a new driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where it goes, within the driver's directory.
    pub path: &'static str,
    /// What is in it.
    pub text: String,
}

/// Why there is no new driver.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The name can't stand in every place that wants it.
    #[error(
        "`{0}` is no name for an SDK: letters, digits and any of `@ / . _ -`, with a letter or digit among them"
    )]
    Name(String),
    /// A template is wrong.
    #[error("a template is wrong: {0}")]
    Template(#[from] minijinja::Error),
}

/// The paths and templates of a language.
fn templates(language: Language) -> &'static [(&'static str, &'static str)] {
    macro_rules! files {
        ($directory:literal: $($path:literal),+) => {
            &[$((
                $path,
                include_str!(concat!("../../templates/driver/", $directory, "/", $path, ".jinja")),
            )),+]
        };
    }
    match language {
        Language::Python => files!("python": "driver.py", "stand_in.py"),
        Language::Node => {
            files!("typescript": "driver.mjs", "stand-in.mjs", "package.json", "tsconfig.json")
        }
        Language::Rust => {
            files!("rust": "Cargo.toml", "src/main.rs", "src/options.rs", "src/stand_in.rs")
        }
    }
}

/// The files of a driver for the SDK of this name.
///
/// # Errors
/// [`TemplateError::Name`].
pub fn driver(language: Language, name: &str) -> Result<Vec<File>, TemplateError> {
    let slug = slug(name).ok_or_else(|| TemplateError::Name(name.to_owned()))?;
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
    environment.set_syntax(syntax?);
    let given = context! { name, slug };
    let one = |&(path, template): &(&'static str, &'static str)| {
        let text = environment.render_str(template, given.clone())?;
        Ok(File { path, text })
    };
    templates(language).iter().map(one).collect()
}

/// The command that starts a new driver in `directory`, as `cmd:` takes it.
pub fn command(language: Language, name: &str, directory: &str) -> String {
    match language {
        Language::Python => format!("python3 {directory}/driver.py"),
        Language::Node => format!("node {directory}/driver.mjs"),
        Language::Rust => {
            let slug = slug(name).unwrap_or_default();
            format!("{directory}/target/debug/drive-{slug}")
        }
    }
}

/// What names a package of any registry: lower case, digits and single hyphens. `None` where
/// nothing is left, or where the name has what needs escaping somewhere.
fn slug(name: &str) -> Option<String> {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "@/._-".contains(it);
    if !name.chars().all(is_plain) {
        return None;
    }
    let words = name.split(|it: char| !it.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    Some(words.join("-").to_ascii_lowercase()).filter(|slug| !slug.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_put_in_and_nothing_of_a_template_is_left() {
        for language in [Language::Python, Language::Node, Language::Rust] {
            let files = driver(language, "@scope/my_SDK").unwrap();
            let all: String = files.iter().map(|file| file.text.as_str()).collect();
            assert!(all.contains("\"@scope/my_SDK\""), "{language:?}");
            for mark in ["{{ ", "{%", "jinja"] {
                assert!(!all.contains(mark), "{language:?}: {mark}");
            }
            for file in files {
                assert!(file.text.ends_with('\n'), "{}", file.path);
                assert!(!file.text.ends_with("\n\n"), "{}", file.path);
            }
        }
        let manifest = &driver(Language::Rust, "@scope/my_SDK").unwrap()[0].text;
        assert!(manifest.contains("name = \"drive-scope-my-sdk\""));
    }

    #[test]
    fn names_that_would_need_escaping_are_refused() {
        for name in ["", "-", "a b", "a\"b", "ä", "a\nb", "a{{b"] {
            assert!(driver(Language::Python, name).is_err(), "{name:?}");
        }
    }
}
