"""The formats a brought file may have; which one it is, its content says."""
