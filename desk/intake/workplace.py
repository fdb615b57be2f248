"""The temporary folders of desk.media.workplace under the name the intake knows them by."""

from desk.media.workplace import LOCK, empty_temp, free_bytes, temp_folder, workplace

__all__ = ["LOCK", "empty_temp", "free_bytes", "temp_folder", "workplace"]
