//! What drives an app-server: the built-in reference client.
