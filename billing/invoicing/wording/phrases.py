"""What documents say, in English and in German. Pure."""

from billing.invoicing.tax import Category

GERMAN = {
    "Above": "Über",
    "Account": "Konto",
    "Allowance": "Freimenge",
    "Amount": "Betrag",
    "Amount due": "Zahlbetrag",
    "Bank": "Bank",
    "Base fee": "Grundgebühr",
    "Base fee, for a share of the period": "Grundgebühr, anteilig für den Zeitraum",
    "Billed to": "Rechnung an",
    "Cap": "Höchstpreis der Stufe",
    "Charged before": "Bereits berechnet",
    "Comes to now, rounded": "Ergibt jetzt, gerundet",
    "Credit from earlier invoices": "Guthaben aus früheren Rechnungen",
    "Credit note": "Rechnungskorrektur",
    "Description": "Leistung",
    "Discount": "Nachlass",
    "Down to the maximum": "Bis zum Höchstbetrag",
    "Draft": "Entwurf",
    "Due": "Zahlbar bis",
    "Every unit": "Jede Einheit",
    "Fee for each event": "Gebühr je Ereignis",
    "Flat fee": "Festbetrag",
    "From": "Von",
    "Granted credit": "Gewährtes Guthaben",
    "Invoice": "Rechnung",
    "Invoiced so far": "Bisher berechnet",
    "Issued": "Rechnungsdatum",
    "It carries no data by EN 16931: amounts of that standard have two decimal places, and this "
    "currency has three.": (
        "Ohne Daten nach EN 16931: Beträge haben dort zwei Nachkommastellen, in dieser Währung "
        "drei."
    ),
    "Less was used than was invoiced.": "Es wurde weniger verbraucht als berechnet.",
    "Less the shares of the others in the volume account": (
        "Abzüglich der Anteile der anderen im Mengenkonto"
    ),
    "Minimum commitment": "Mindestumsatz",
    "Net": "Netto",
    "Number": "Nummer",
    "Packages": "Pakete",
    "Page": "Seite",
    "Period": "Leistungszeitraum",
    "Prices contain VAT.": "Die Preise enthalten die Umsatzsteuer.",
    "Prepaid credit of": "Vorausbezahltes Guthaben vom",
    "Price": "Preis",
    "Price plan": "Tarif",
    "Quantity": "Menge",
    "Reason": "Grund",
    "Reference": "Ihr Zeichen",
    "Reversal": "Stornorechnung",
    "Reverses": "Storniert",
    "Taken off line": "Abgezogen von Position",
    "Takes back a part of": "Korrigiert",
    "The amount is set against what you owe.": "Der Betrag wird mit Forderungen verrechnet.",
    "Time zone": "Zeitzone",
    "Total": "Gesamtbetrag",
    "Up to": "Bis",
    "Up to the minimum": "Bis zum Mindestbetrag",
    "Usage and base fees of the period": "Verbrauch und Grundgebühren des Zeitraums",
    "VAT": "Umsatzsteuer",
    "VAT id": "USt-IdNr.",
    "correction of": "Korrektur von",
    "invoice": "Rechnung",
    "line": "Position",
    "of": "von",
    "on": "auf",
    "Reverse charge: the customer owes the VAT.": "Steuerschuldnerschaft des Leistungsempfängers.",
    "Not subject to VAT.": "Nicht steuerbar.",
    "Exempt from VAT": "Umsatzsteuerfrei",
    "Zero rated.": "Steuersatz null.",
}
IN = {"en": dict[str, str](), "de": GERMAN}
# Services that come with the platform, by the names that they come with.
SERVICES = {"de": {"Storage": "Speicherplatz", "Execution time": "Rechenzeit"}}
REASONS = {
    Category.REVERSE_CHARGE: "Reverse charge: the customer owes the VAT.",
    Category.OUTSIDE_SCOPE: "Not subject to VAT.",
    Category.EXEMPT: "Exempt from VAT",
    Category.ZERO_RATED: "Zero rated.",
}


def say(phrase: str, language: str) -> str:
    """Return a phrase in a language; as it is where nobody has translated it."""
    return IN.get(language, {}).get(phrase, phrase)


def service_called(name: str, language: str) -> str:
    """Return the name of a service that comes with the platform in a language; others' as it is."""
    return SERVICES.get(language, {}).get(name, name)


def why_untaxed(category: Category, reason: str, language: str) -> str:
    """Say why no VAT is owed; nothing where it is."""
    phrase = REASONS.get(category, "")
    said = say(phrase, language)
    return f"{said}: {reason}" if reason else said
