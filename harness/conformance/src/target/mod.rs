//! What scenarios run against: the mock, the real codex, any command, a WebSocket.
