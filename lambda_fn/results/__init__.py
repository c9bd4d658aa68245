"""Results: how a video ended, the student records, and the delivery."""
