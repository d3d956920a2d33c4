//! `serve`: it says where it is, answers, and ends with a summary.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::program::{PROGRAM, ROOT};

fn post(address: &str, text: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let body = format!("{{\"input\": \"{text}\"}}");
    let length = body.len();
    let head = format!("POST /v1/responses HTTP/1.0\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn start(script: &Path) -> (Child, BufReader<std::process::ChildStdout>, String) {
    let mut serve = Command::new(PROGRAM);
    serve
        .arg("serve")
        .arg(script)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = serve.spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut url = String::new();
    out.read_line(&mut url).unwrap();
    (child, out, url.trim_end().to_owned())
}

fn end(mut child: Child, mut out: BufReader<std::process::ChildStdout>) -> (String, Option<i32>) {
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::INT).unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    (rest, child.wait().unwrap().code())
}

#[test]
fn the_example_answers_and_ends_with_a_summary() {
    let (child, out, url) = start(&Path::new(ROOT).join("examples/hello.yaml"));
    let address = url
        .strip_prefix("http://")
        .and_then(|url| url.strip_suffix("/v1"))
        .unwrap();
    assert!(post(address, "hello").contains(r#""delta":"scripted ""#));
    assert!(post(address, "the weather?").contains("it rains"));
    let (rest, code) = end(child, out);
    let lines: Vec<_> = rest.lines().collect();
    assert!(
        lines[0].starts_with(&format!("try: curl -N {url}/responses ")),
        "{rest}"
    );
    assert_eq!(
        lines[1..],
        ["2 requests, 2 replies in the script, 0 violations"]
    );
    assert_eq!(code, Some(0));
}

#[test]
fn what_was_wrong_is_in_the_summary_and_the_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("script.yaml");
    std::fs::write(&script, "- message: never asked for\n").unwrap();
    let (child, out, _) = start(&script);
    let (rest, code) = end(child, out);
    assert!(
        rest.contains("0 requests, 1 replies in the script, 1 violations"),
        "{rest}"
    );
    assert!(
        rest.contains("`reply-left-over`: reply 1 (`message`)"),
        "{rest}"
    );
    assert_eq!(code, Some(1));

    std::fs::write(&script, "- mesage: typo\n").unwrap();
    let serve = Command::new(PROGRAM)
        .arg("serve")
        .arg(&script)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&serve.stderr);
    assert!(stderr.contains("unknown field `mesage`"), "{stderr}");
    assert_eq!(serve.status.code(), Some(2));
}
