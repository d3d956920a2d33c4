//! A client in plain Rust on `mock-codex`: `cargo run -p mock-codex --example client -- MOCK_CODEX
//! SCRIPT`, with the paths of the executable and of a script such as
//! `examples/mock-codex/script.yaml`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// An app-server and what it says.
struct Server {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    requests: u64,
}

impl Server {
    fn start(program: &str, script: &str, home: &str) -> std::io::Result<Self> {
        let mut process = Command::new(program)
            .args(["app-server", "--script", script])
            .env("HOME", home)
            .env("CODEX_HOME", home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (input, output) = pipes.expect("both are piped");
        Ok(Self {
            process,
            input,
            output: BufReader::new(output),
            requests: 0,
        })
    }

    /// Reads frames until one is accepted.
    fn until(&mut self, accept: impl Fn(&Value) -> bool) -> std::io::Result<Value> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let frame: Value = serde_json::from_str(&line)?;
            if accept(&frame) {
                return Ok(frame);
            }
        }
    }

    /// Sends a request and gives its result.
    fn call(&mut self, method: &str, params: &Value) -> std::io::Result<Value> {
        self.requests += 1;
        let id = self.requests;
        let frame = json!({"id": id, "method": method, "params": params});
        writeln!(self.input, "{frame}")?;
        let reply = self.until(|frame| frame["id"] == id && frame.get("method").is_none())?;
        match reply.get("error") {
            Some(error) => Err(std::io::Error::other(error.to_string())),
            None => Ok(reply["result"].clone()),
        }
    }
}

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(program), Some(script)) = (arguments.next(), arguments.next()) else {
        return Err(std::io::Error::other("name `mock-codex` and a script"));
    };
    let home = std::env::temp_dir().join(format!("client-{}", std::process::id()));
    std::fs::create_dir(&home)?;
    let mut server = Server::start(&program, &script, &home.to_string_lossy())?;
    let client = json!({"name": "example", "version": "1"});
    server.call("initialize", &json!({"clientInfo": client}))?;
    let started = server.call("thread/start", &json!({}))?;
    let input = json!([{"type": "text", "text": "hi"}]);
    let params = json!({"threadId": started["thread"]["id"], "input": input});
    server.call("turn/start", &params)?;
    let ended = server.until(|frame| frame["method"] == "turn/completed")?;
    let turn = &ended["params"]["turn"];
    println!("{} {}", turn["status"], turn["items"][0]["text"]);
    drop(server.input);
    server.process.wait()?;
    std::fs::remove_dir_all(&home)
}
