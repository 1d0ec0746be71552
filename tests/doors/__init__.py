"""Tests of the doors room."""
