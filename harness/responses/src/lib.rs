//! A scripted server for the Responses API.
