//! Strongroom administrator API.
