"""The words a station begins with: threats and insults in German and English, and phrases that are harmless.

Chosen to hit people and not songs: most need somebody who is addressed, since "ist der Hammer", "bringt mich um" and
"killer song" are praise. A hit is only a suggestion. How a line is read stands in desk.safety.rules.
"""

from __future__ import annotations

THREATS = """\
bring*|bringe dich|euch um
bring*|bringe dich|euch alle um
dich|euch umbringen|toeten|erschiessen|abstechen|abknallen|vergewaltigen|totschlagen
dich|euch alle umbringen|toeten|erschiessen|abstechen|abknallen
stech* dich|euch ab
knall* dich|euch ab
schlag* dich|euch tot
erschiess* dich|euch
ich|wir mach* dich|euch kalt|fertig
haeng dich|euch auf
du bist tot
ihr seid tot
ihr seid alle tot
du wirst sterben
ihr werdet sterben|bereuen
ihr werdet es|das bereuen
ich|wir weiss|wissen wo du wohnst
ich|wir weiss|wissen wo ihr wohnt
ich|wir weiss|wissen wo deine|eure kinder|familie
zuend* euch|dich|eure|euren|euer ... an
jag* ... in die luft
eine bombe ... studio|sender|funkhaus
studio|sender|funkhaus ... eine bombe
bombe gelegt|versteckt|hochgehen|explodier*
hau*|schlag*|kriegst|bekommst ... in|auf die fresse
lauer* dir|euch auf
i|we|ill ... kill|shoot|stab|rape|murder you
i|we ... hurt you|your
gonna kill|shoot|stab|rape|hurt you
i|we know where you live
you are|re dead
youre dead
you will|ll die
burn ... studio|station|house down
a bomb ... studio|station
"""

INSULTS = """\
hurensohn*|hurensoehne
fotze|fotzen
wichser|wichsern
missgeburt|missgeburten
drecksau|drecksaeue
untermensch|untermenschen
schwuchtel|schwuchteln
kanake|kanaken
neger
fick dich
fickt euch
verpiss dich
verpisst euch
halt* die|deine fresse
halt* das|dein|euer maul
halts maul
du|ihr ... arschloch|arschloecher
du|ihr bloede*|dumme*|dreckige*|alte* sau|kuh|schlampe|schlampen|schweine|schwein
du|ihr schlampe|schlampen
du|ihr idiot|idioten|vollidiot|vollidioten|spast|spasten|penner|abschaum
du|ihr ... idiot|idioten|vollidiot|vollidioten ... da|dort
motherfucker|motherfuckers
fuck you|off
you ... bitch|cunt|whore|bastard|faggot|retard
cunt|cunts
nigger|niggers
"""

HARMLESS = """\
lach* mich tot
zum fressen gern
killing me softly
kill bill
"""
