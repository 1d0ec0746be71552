"""Certificates: the authority, enrolment, revocation, who a certificate stands for, and why one was refused."""
