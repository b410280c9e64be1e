"""SmartPaint: a brush that respects intensities."""
