"""What a key service does: lifecycle, policy, rotation, operations. No wire, SQL, token or clock of its own."""
