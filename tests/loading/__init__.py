"""Tests of loading: planning, landing, versions, quarantine, crashes."""
