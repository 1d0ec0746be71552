"""What tests of several rooms share: a running server, a client that can say anything, the corpus."""
