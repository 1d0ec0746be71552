"""What a PKCS#11 module really does: tried, not believed. The first thing to run on a new HSM.

`examine` opens the token as a key store would, tries mechanisms with known answers, makes keys and reads them back,
asks for what must be refused, and measures. All it makes is removed again, whatever happens.
"""

from kmipd_pkcs11.probe.examination import examine
from kmipd_pkcs11.probe.report import Finding, Report

__all__ = ["Finding", "Report", "examine"]
