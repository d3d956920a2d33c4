//! The `mock-codex` executable.

fn main() {
    mock_codex::sandbox::helper_main_if_asked();
}
