//! Command sessions as the tools use them.

use std::time::Duration;

use mock_codex::sandbox::capability::landlock;
use mock_codex::sandbox::{Backend, LaunchError, SandboxLauncher};
use mock_codex::tools::exec::{
    ExecRequest, Session, SessionStore, SpawnError, WriteError, denial, wait,
};

use crate::place::{HELPER, Mode, Place};

/// Longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(30);

fn request(place: &Place, mode: Mode, script: &str, tty: bool) -> ExecRequest {
    ExecRequest {
        argv: ["/bin/bash", "-c", script].map(str::to_owned).to_vec(),
        cwd: place.workspace(),
        env: vec![
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
            (
                "HOME".to_owned(),
                place.path("outside").to_str().unwrap().to_owned(),
            ),
        ],
        sandbox: place.sandbox(mode),
        tty,
    }
}

fn spawn(place: &Place, mode: Mode, script: &str, tty: bool) -> Session {
    Session::spawn(
        &SandboxLauncher::new(HELPER),
        &request(place, mode, script, tty),
    )
    .unwrap()
}

#[tokio::test]
async fn output_keeps_its_order() {
    let place = Place::new();
    for mode in [Mode::ReadOnly, Mode::Unrestricted] {
        let session = spawn(&place, mode, "echo 1; echo 2 >&2; echo 3; exit 3", false);
        let collected = session.collect(DEADLINE).await;
        assert_eq!(collected.output.text(), "1\n2\n3\n");
        assert_eq!(collected.exit_code, Some(3));
        assert_eq!(session.snapshot().text(), "1\n2\n3\n");
        assert_eq!(session.take_output().text(), "");
    }
}

#[tokio::test]
async fn a_denied_write_reads_like_one() {
    let place = Place::new();
    let session = spawn(&place, Mode::ReadOnly, "echo x > new", false);
    let collected = session.collect(DEADLINE).await;
    assert_eq!(
        collected.output.text(),
        "/bin/bash: line 1: new: Read-only file system\n"
    );
    assert!(denial::looks_denied(&collected.output.text()));
}

#[tokio::test]
async fn chunks_come_as_they_are_printed() {
    let place = Place::new();
    let session = spawn(
        &place,
        Mode::ReadOnly,
        "echo up; read line; echo \"got $line\"",
        true,
    );
    let mut chunks = session.subscribe();
    let mut seen = session.snapshot().text();
    while !seen.contains("up") {
        let chunk = tokio::time::timeout(DEADLINE, chunks.recv())
            .await
            .unwrap()
            .unwrap();
        seen.push_str(&String::from_utf8_lossy(&chunk));
    }
    session.write_stdin(b"abc\n").await.unwrap();
    assert_eq!(session.wait_exit().await, 0);
    assert!(session.snapshot().text().ends_with("abc\r\ngot abc\r\n"));
}

#[tokio::test]
async fn without_a_terminal_stdin_is_empty() {
    let place = Place::new();
    let session = spawn(&place, Mode::ReadOnly, "cat; sleep 1000", false);
    let error = session.write_stdin(b"x").await.unwrap_err();
    assert!(matches!(error, WriteError::Closed));
    let collected = session.collect(Duration::ZERO).await;
    assert_eq!(collected.exit_code, None);
}

#[tokio::test]
async fn interrupts_and_kills_end_everything() {
    let place = Place::new();
    for (mode, tty, interrupted) in [
        (Mode::ReadOnly, false, 130),
        (Mode::Unrestricted, false, 130),
        (Mode::ReadOnly, true, 1),
        (Mode::Unrestricted, true, 1),
    ] {
        let session = spawn(&place, mode, "sleep 1000", tty);
        session.interrupt();
        let code = tokio::time::timeout(DEADLINE, session.wait_exit())
            .await
            .unwrap();
        assert_eq!(code, interrupted, "{mode:?} {tty}");
        let session = spawn(&place, mode, "sleep 1000 & sleep 1000", tty);
        session.kill();
        tokio::time::timeout(DEADLINE, session.wait_exit())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn control_c_on_a_terminal_ends_the_command() {
    let place = Place::new();
    for mode in [Mode::ReadOnly, Mode::Unrestricted] {
        let session = spawn(&place, mode, "echo up; cat", true);
        let mut chunks = session.subscribe();
        if !session.snapshot().text().contains("up") {
            tokio::time::timeout(DEADLINE, chunks.recv())
                .await
                .unwrap()
                .unwrap();
        }
        session.write_stdin(b"\x03").await.unwrap();
        let code = tokio::time::timeout(DEADLINE, session.wait_exit())
            .await
            .unwrap();
        assert_eq!(code, 1, "{mode:?}");
        assert!(session.snapshot().text().ends_with("^C"), "{mode:?}");
    }
}

#[tokio::test]
async fn a_terminal_has_the_usual_size() {
    let place = Place::new();
    for mode in [Mode::ReadOnly, Mode::Unrestricted] {
        let session = spawn(&place, mode, "stty size", true);
        assert_eq!(session.collect(DEADLINE).await.output.text(), "24 80\r\n");
    }
}

#[tokio::test]
async fn nothing_runs_without_a_sandbox() {
    let place = Place::new();
    let reason = "no such luck".to_owned();
    let launcher = SandboxLauncher::new(HELPER).with_backend(Backend::Unavailable { reason });
    let refused = Session::spawn(&launcher, &request(&place, Mode::ReadOnly, "true", false));
    let error = refused.unwrap_err();
    assert!(matches!(
        error,
        SpawnError::Launch(LaunchError::Unavailable { .. })
    ));
    assert_eq!(
        error.to_string(),
        "the sandbox is not available here: no such luck"
    );
    let allowed = Session::spawn(
        &launcher,
        &request(&place, Mode::Unrestricted, "true", false),
    );
    assert_eq!(allowed.unwrap().wait_exit().await, 0);
}

#[tokio::test]
async fn nothing_runs_where_files_cannot_be_hidden() {
    let place = Place::new();
    let launcher = SandboxLauncher::new(HELPER).with_backend(landlock());
    let refused = Session::spawn(&launcher, &request(&place, Mode::Hidden, "true", false));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "the sandbox is not available here: Landlock can't hide single files, and there are no \
         namespaces"
    );
}

#[tokio::test]
async fn a_missing_directory_is_an_error() {
    let place = Place::new();
    for mode in [Mode::ReadOnly, Mode::Unrestricted] {
        let mut request = request(&place, mode, "true", false);
        request.cwd = place.path("missing");
        let error = Session::spawn(&SandboxLauncher::new(HELPER), &request).unwrap_err();
        assert_eq!(error.to_string(), "No such file or directory (os error 2)");
    }
}

#[tokio::test]
async fn the_store_knows_its_sessions() {
    let place = Place::new();
    let store = SessionStore::default();
    let id = store.reserve();
    assert!((1_000..100_000).contains(&id));
    assert!(store.get(id).is_none());
    let session = store.insert(id, spawn(&place, Mode::ReadOnly, "sleep 1000", false));
    assert_eq!(store.list().len(), 1);
    assert_eq!(store.get(id).unwrap().pid(), session.pid());
    let looked = session.collect(wait::Call::Exec.wait(Some(0))).await;
    assert!(looked.exit_code.is_none() && looked.wall_time >= Duration::from_millis(250));
    store.kill_all();
    tokio::time::timeout(DEADLINE, session.wait_exit())
        .await
        .unwrap();
    assert!(store.list().is_empty());
}
