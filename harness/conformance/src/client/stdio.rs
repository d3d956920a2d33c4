//! Frames as lines on the pipes of a process.

use codex_wire::line::{FrameWriter, LineReader};
use tokio::io::BufReader;
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::client::connection::{Connection, Outgoing};

/// How much of stdout is read at once, in bytes.
const BUFFER: usize = 64 * 1024;

/// Starts the tasks that move frames between `connection` and the pipes; the result reads stdout
/// and ends with it.
pub(super) fn carry(
    connection: &Connection,
    to_write: mpsc::UnboundedReceiver<Outgoing>,
    stdin: ChildStdin,
    stdout: ChildStdout,
) -> JoinHandle<()> {
    tokio::spawn(write(to_write, stdin));
    tokio::spawn(read(connection.clone(), stdout))
}

/// Ends when told to close, when the app-server doesn't read any more, or with the connection.
/// Its stdin is closed then.
async fn write(mut to_write: mpsc::UnboundedReceiver<Outgoing>, stdin: ChildStdin) {
    let mut writer = FrameWriter::new(stdin);
    while let Some(outgoing) = to_write.recv().await {
        let written = match outgoing {
            Outgoing::Frame(frame) => writer.write(&frame).await,
            Outgoing::Raw(bytes) => writer.write_raw(&bytes).await,
            Outgoing::Close => return,
        };
        // A closed pipe is told by the end of the process or of its stdout.
        if written.is_err() {
            return;
        }
    }
}

async fn read(connection: Connection, stdout: ChildStdout) {
    let mut lines = LineReader::new(BufReader::with_capacity(BUFFER, stdout));
    loop {
        match lines.next().await {
            Ok(Some(line)) => connection.receive(&line),
            // The end of the process follows and says more.
            Ok(None) => return,
            Err(error) => {
                connection.receive_nothing_more(format!(
                    "the app-server's stdout can't be read: {error}"
                ));
                return;
            }
        }
    }
}
