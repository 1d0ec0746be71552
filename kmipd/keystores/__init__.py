"""Key stores at work: opening what the registry describes, following it while the server runs, connecting."""
